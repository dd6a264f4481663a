# burstd beside a Flux of one version. `make image` builds it and prints its name, burstd:<burstd>-flux<version>.
#
# At v0.88.0 flux-core's own CI pushes bookworm-<tag>-amd64 and -arm64 for each release, and the manifest
# bookworm-<tag> over both (src/test/generate-matrix.py, src/test/docker-manifest.py there). That its registry
# has this one, and that the build below ends well, was not tried: there was no Docker.
ARG FLUX_VERSION=0.88.0
ARG FLUX_IMAGE=fluxrm/flux-core:bookworm-v${FLUX_VERSION}

FROM ${FLUX_IMAGE} AS built
USER root
RUN apt-get update && apt-get install --yes --no-install-recommends make python3-venv
COPY . /source
RUN make -C /source wheel PYTHON=/usr/bin/python3 \
    && /usr/bin/python3 -m venv /opt/burstd \
    && /opt/burstd/bin/pip install --no-cache-dir --require-hashes -r /source/requirements.run.lock \
    && /opt/burstd/bin/pip install --no-cache-dir --no-index --no-deps /source/dist/*.whl
# Flux's own bindings, wherever this Flux has them: the build ends here where they do not fit this Python
RUN flux env printenv PYTHONPATH | tr ':' '\n' > "$(echo /opt/burstd/lib/python3*/site-packages)/flux.pth" \
    && env -u PYTHONPATH /opt/burstd/bin/python -c 'import flux'

FROM ${FLUX_IMAGE}
USER root
COPY --from=built /opt/burstd /opt/burstd
# Whoever the broker runs as can write its ledger there
RUN install -d -m 0755 /etc/burstd && install -d -m 1777 /var/lib/burstd
ENV PATH=/opt/burstd/bin:$PATH
# burstd must be the user whose broker it serves. The Flux Operator runs brokers as the user of their image,
# root with most. For another: docker run --user UID, or build with --build-arg BROKER_UID=UID.
ARG BROKER_UID=0
USER ${BROKER_UID}
WORKDIR /
ENTRYPOINT ["burstd"]
CMD ["--stand-by", "--config", "/etc/burstd/burstd.yaml"]
