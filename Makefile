# What people run. `make demo` and `make test` need Rust, make, a C compiler and python3 with pip, and nothing else.

PYTHON ?= python3
MODELS ?= data/models
BUILT  := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
NEXUS  ?= $(BUILT)/debug/nexus
RELEASE = $(BUILT)/release/nexus

.PHONY: demo test models build openapi lint bench eval help

help:
	@echo "make demo    build, fetch the model, serve, load the sample and ask it questions (ONCE=1 ends after that)"
	@echo "make test    fetch the model and run all tests"
	@echo "make models  fetch ONNX Runtime and an embedding model into $(MODELS)"
	@echo "make lint    rustfmt and clippy"
	@echo "make openapi write docs/openapi.json from the code"
	@echo "make bench   measure an ingestion (CORPUS=archive.zip)"
	@echo "make eval    measure retrieval (SETS=\"dir …\")"

build:
	cargo build --locked -p nexus-backend

models:
	@$(PYTHON) scripts/models/fetch.py --dir $(MODELS)

demo: models build
	$(NEXUS) demo $(if $(ONCE),--once)

test: models
	cargo test --locked --workspace

lint:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

openapi: build
	$(NEXUS) openapi > docs/openapi.json

# Figures of docs/PERFORMANCE.md. CORPUS is an archive of documentation, SETS are folders in BEIR layout.
bench: models
	cargo build --locked --release -p nexus-backend
	$(PYTHON) scripts/bench.py --nexus $(RELEASE) --corpus $(CORPUS)

eval: models
	cargo build --locked --release -p nexus-backend
	$(RELEASE) eval $(foreach set,$(SETS),--set $(set))
