# Dockerfile -- grpo in a Debian container, CPU only: docker build -t grpo . && docker run --rm grpo doctor
# Programs are confined by namespaces; Docker's default filter refuses them: grpo doctor prints the options to add.
FROM debian:13
COPY . /src
WORKDIR /src
RUN apt-get update && apt-get install -y --no-install-recommends make git ca-certificates
RUN .ci/deps build
RUN make -j2 CUDA=0 && make CUDA=0 install PREFIX=/usr
RUN apt-get install -y --no-install-recommends python3 && apt-get clean && rm -rf build /var/lib/apt/lists/*
WORKDIR /work
ENTRYPOINT ["grpo"]
