# The app, on a CPU:             docker build -t depth .
# on an NVIDIA GPU:              docker build -t depth --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
# with the Ethanol data inside:  docker build -t depth --build-arg ETHANOL=1 .

ARG PYTHON=3.11

# PyTorch alone, in layers that other requirements do not touch. pip stays outside the environment that is shipped,
# and so do files that only PyTorch's own tests and C++ extensions use.
FROM python:${PYTHON}-slim-bookworm AS torch
ARG TORCH=2.13.0
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-deps --extra-index-url "$TORCH_INDEX" "torch==$TORCH" \
    && cd /venv/lib/python3*/site-packages/torch \
    && rm -rf test include bin/*Test bin/test_* bin/protoc*

# Everything else, at the versions of requirements.txt, without the packages' own tests.
FROM torch AS packages
COPY requirements.txt /requirements.txt
RUN pip --python /venv/bin/python install -r /requirements.txt \
    && rm -rf /venv/lib/python3*/site-packages/torch \
    && find /venv/lib -type d -name tests -prune -exec rm -rf {} +

# The folder of downloaded data: empty, or with Ethanol in it (from the UCI repository, or from a mirror of one's own).
FROM packages AS data
ARG ETHANOL=
ARG OVERPARAM_ETHANOL_URL=
COPY overparam/__init__.py overparam/words.py /src/overparam/
COPY overparam/data /src/overparam/data
RUN mkdir /data && cd /src \
    && if [ -n "$ETHANOL" ]; then OVERPARAM_DATA=/data /venv/bin/python -c "from overparam.data import load_ethanol; load_ethanol()"; fi

FROM python:${PYTHON}-slim-bookworm
COPY --from=torch /venv /venv
COPY --from=packages /venv /venv
COPY --from=data --chown=10001:10001 /data /data
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    OVERPARAM_DATA=/data \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_HEADLESS=true
WORKDIR /app
COPY . .
RUN python -m compileall -q .
USER 10001:10001
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; raise SystemExit(urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['STREAMLIT_SERVER_PORT']}/_stcore/health\", timeout=4).read() != b'ok')"]
CMD ["streamlit", "run", "app.py"]
