# The image of podfacts: one static binary and nothing else.
#
#	docker build -t podfacts/podfacts:latest .
#	docker buildx build --platform linux/amd64,linux/arm64 -t podfacts/podfacts:latest .
#
# `go run ./cmd/release` makes the same image without a container engine, and a test holds
# that it is the same. BuildKit compiles on the machine's own platform for the others.
FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY agent agent
COPY cmd cmd
COPY render render
COPY watch watch
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=devel
ENV CGO_ENABLED=0 GOFLAGS= GOTOOLCHAIN=local
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /podfacts ./cmd/podfacts

FROM scratch
ARG VERSION=devel
ARG REVISION=unknown
LABEL org.opencontainers.image.title="podfacts" \
      org.opencontainers.image.description="Tell a container who it is" \
      org.opencontainers.image.source="https://github.com/podfacts/podfacts" \
      org.opencontainers.image.documentation="https://github.com/podfacts/podfacts#readme" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /podfacts /podfacts
# A number, so that runAsNonRoot can be checked; nobody needs to have a name for it.
USER 65532:65532
ENTRYPOINT ["/podfacts"]
