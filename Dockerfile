# Builds any program of the workspace: docker build --build-arg SERVICE=planner -t fin-agent/planner .
# SERVICE is one of the seven services, vendor-sim or fin. All images share every stage but the last.

# Where the programs come from, and what they stand on; scripts/images --host names others.
ARG PROGRAMS=build
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM node:20-bookworm-slim AS dashboard
WORKDIR /src
COPY services/dashboard/package*.json services/dashboard/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY services/dashboard ./
RUN npm run build

# The manifests alone, with empty programs: the same layer as long as no dependency changes.
FROM rust:1.95-slim-bookworm AS manifests
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY shared shared
COPY services services
COPY tools tools
# hadolint ignore=SC2016
RUN find . -type f ! -name '*.rs' ! -name 'Cargo.*' -delete && \
    find . -name '*.rs' -exec sh -c 'for file; do case "$file" in \
      */src/lib.rs) : >"$file" ;; \
      */main.rs | */src/bin/*.rs | */build.rs) echo "fn main() { }" >"$file" ;; \
      *) rm "$file" ;; esac; done' _ {} + && \
    find . -type d -empty -delete

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY --from=manifests /src ./
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo build --locked --release --workspace --bins
COPY proto proto
COPY config config
COPY shared shared
COPY services services
COPY tools tools
COPY --from=dashboard /src/dist services/dashboard/dist
# Cargo goes by the time of change: sources are newer than the empty programs that stood in for them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    find . -path ./target -prune -o -name '*.rs' -exec touch {} + && \
    cargo build --locked --release --workspace --bins && \
    install -d /programs /empty && \
    find target/release -maxdepth 1 -type f -executable -exec install -s -t /programs {} +

FROM ${PROGRAMS} AS programs

FROM ${BASE}
ARG SERVICE
ARG VERSION=0.0.0-dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="fin-agent/$SERVICE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=programs /programs/${SERVICE} /service
COPY --from=programs --chown=10001:10001 /empty /data
# The defaults are compiled in; files mounted here override them.
WORKDIR /etc/fin-agent
ENV FIN_CONFIG_DIR=/etc/fin-agent \
    FIN__DATA_DIR=/data \
    FIN__HEALTH__LISTEN=0.0.0.0:9090
USER 10001:10001
EXPOSE 9090
ENTRYPOINT ["/service"]
HEALTHCHECK --interval=5s --timeout=2s --start-period=10s --retries=3 CMD ["/service", "healthcheck"]
