"""Maps of where depth helps: batches, whole maps, medians over starts, atlases."""
