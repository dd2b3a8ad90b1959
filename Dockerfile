# The service:    docker build --build-arg VERSION=… --build-arg REVISION=… -t chromeos-connector-bff .
# The simulator:  docker build --target simulator -t chromeos-connector-bff-simulator .
# podman and buildah keep HEALTHCHECK with --format docker.

# A release pins the base by digest, and a mirror is named the same way:
#   --build-arg BASE_IMAGE=docker.io/library/node:24-bookworm-slim@sha256:…
ARG BASE_IMAGE=docker.io/library/node:24-bookworm-slim

FROM ${BASE_IMAGE} AS base
# npm names the bill of materials after the folder.
WORKDIR /opt/chromeos-connector-bff

# Install scripts are not run anywhere: nothing the build or the service needs has one.
FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
COPY simulator ./simulator
RUN npm run build && npm run build:simulator

# The bill of materials is of what was installed; npm would miss in it what was left out on purpose.
FROM base AS production-dependencies
COPY package.json package-lock.json ./
# Of the viewer's several builds one is served.
RUN npm ci --omit=dev --omit=optional --ignore-scripts \
  && find node_modules/swagger-ui-dist -type f \( -name '*.map' -o -name '*-es-bundle*.js' -o -name swagger-ui.js \
    -o -name 'swagger-ui-standalone-preset.js' \) -delete \
  && npm pkg delete devDependencies optionalDependencies \
  && npm sbom --sbom-format=cyclonedx >sbom.cdx.json

# What the simulator imports, at the versions of the lockfile: the rest is pruned from a complete install.
FROM build AS pruned
RUN node -e " \
    const manifest = JSON.parse(fs.readFileSync('package.json', 'utf8')); \
    const versions = { ...manifest.dependencies, ...manifest.devDependencies }; \
    manifest.dependencies = Object.fromEntries(['selfsigned', 'zod'].map((name) => [name, versions[name]])); \
    delete manifest.devDependencies; delete manifest.optionalDependencies; delete manifest.overrides; delete manifest.workspaces; \
    fs.writeFileSync('package.json', JSON.stringify(manifest));" \
  && npm prune --ignore-scripts \
  && find node_modules -type d -empty -delete \
  && npm sbom --sbom-format=cyclonedx >sbom.cdx.json

# Node.js and nothing to install with. Files belong to root: the service cannot change itself.
FROM base AS runtime
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
    /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* /root/.npm \
  # A name for the user below: programs that ask who they run as find no answer otherwise.
  && echo 'service:x:65532:65532::/nonexistent:/usr/sbin/nologin' >>/etc/passwd \
  && echo 'service:x:65532:' >>/etc/group
# Without the base's own entrypoint, which is a shell script.
ENTRYPOINT []
ENV NODE_ENV=production
ARG VERSION=0.0.0
ARG REVISION=unknown
# For whoever reports it (chromeos_bff_build_info). It stands before the labels because buildah's cache sees
# that an ARG has changed only where RUN uses it.
RUN node -e "fs.writeFileSync('build-info.json', JSON.stringify({ version: process.argv[1], revision: process.argv[2] }))" "${VERSION}" "${REVISION}"
ARG SOURCE=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG BASE_NAME=unknown
ARG BASE_DIGEST=unknown
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE_NAME}" \
      org.opencontainers.image.base.digest="${BASE_DIGEST}" \
      org.opencontainers.image.licenses="MIT"
# Numeric, so that runAsNonRoot can be verified.
USER 65532:65532

FROM runtime AS simulator
LABEL org.opencontainers.image.title="chromeos-connector-bff-simulator" \
      org.opencontainers.image.description="A local Entra ID and Microsoft Graph to develop and test against; nothing in it is real"
ENV SIMULATOR_HOST=0.0.0.0 \
    SIMULATOR_CA_FILE=/tmp/simulator-ca.pem
COPY --from=pruned /opt/chromeos-connector-bff/package.json /opt/chromeos-connector-bff/sbom.cdx.json ./
COPY --from=pruned /opt/chromeos-connector-bff/node_modules ./node_modules
COPY --from=build /opt/chromeos-connector-bff/dist-simulator ./dist/simulator
EXPOSE 8443
CMD ["node", "dist/simulator/main.js"]

# The service, and in dist/cli what an operator runs.
FROM runtime AS service
LABEL org.opencontainers.image.title="chromeos-connector-bff" \
      org.opencontainers.image.description="Disconnects Intune's ChromeOS connector on behalf of the signed-in admin: once, on purpose, and on the record"
COPY LICENSE package.json ./
COPY config ./config
COPY docs/errors.md ./docs/errors.md
COPY public ./public
COPY --from=production-dependencies /opt/chromeos-connector-bff/sbom.cdx.json ./
COPY --from=production-dependencies /opt/chromeos-connector-bff/node_modules ./node_modules
COPY --from=build /opt/chromeos-connector-bff/dist ./dist
EXPOSE 8080 9090
# Kubernetes has probes of its own; this is for whoever runs the image without it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.MANAGEMENT_PORT || 9090) + '/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Bounds V8's memory: half the young generation it would take, and no more than a quarter of garbage in the old one.
CMD ["node", "--max-semi-space-size=32", "--heap-growing-percent=25", "dist/main.js"]
