"""The views of the page on what depth does to a gradient: each module has its CHOICES and a
`show`."""
