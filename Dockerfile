FROM fluxrm/flux-core:bookworm AS built
USER root
RUN apt-get update && apt-get install --yes --no-install-recommends make python3-venv
COPY . /source
RUN make -C /source wheel PYTHON=/usr/bin/python3 \
    && /usr/bin/python3 -m venv /opt/burstd \
    && /opt/burstd/bin/pip install --no-cache-dir --require-hashes -r /source/requirements.run.lock \
    && /opt/burstd/bin/pip install --no-cache-dir --no-index --no-deps /source/dist/*.whl

FROM fluxrm/flux-core:bookworm
COPY --from=built /opt/burstd /opt/burstd
ENV PATH=/opt/burstd/bin:$PATH PYTHONPATH=/usr/lib/flux/python3.11
ENTRYPOINT ["burstd"]
