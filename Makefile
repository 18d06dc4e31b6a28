# What people run. `make demo` and `make test` need Rust, make, a C compiler and python3 with pip, and nothing else.

PYTHON ?= python3
MODELS ?= data/models
BUILT  := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
NEXUS  ?= $(BUILT)/debug/nexus

.PHONY: demo test models build openapi lint bench bench-bot eval lies api-fuzz n8n-e2e fuzz soak help

help:
	@echo "make demo    build, fetch the model, serve, load the sample and ask it questions (ONCE=1 ends after that)"
	@echo "make test    fetch the model and run all tests"
	@echo "make models  fetch ONNX Runtime and an embedding model into $(MODELS)"
	@echo "make lint    rustfmt and clippy"
	@echo "make openapi write docs/openapi.json from the code"
	@echo "make bench   measure an ingestion (CORPUS=archive.zip)"
	@echo "make bench-bot  measure how soon a bot answers while ten thousand notices wait, shows first words, and acknowledges updates"
	@echo "make eval    measure retrieval (SETS=\"dir …\")"
	@echo "make lies    measure how many lies in written answers are found (SETS=\"dir …\", HELD_OUT=1 for the other templates)"
	@echo "make api-fuzz  send made-up requests to a server, from its own description (SECONDS=600)"
	@echo "make n8n-e2e run the workflows of data/n8n in a real n8n (N8N=node_modules/.bin/n8n) against a real Nexus"
	@echo "make fuzz    throw made-up documents at every reader and the chunker (SECONDS=60 each)"
	@echo "make soak    a million random requests by a thousand people, none of which may see what is not theirs; then"
	@echo "             ten thousand messages to a bot that is killed a thousand times"

build:
	cargo build --locked -p nexus-backend

models:
	@$(PYTHON) scripts/models/fetch.py --dir $(MODELS) $(FETCH)

# Without a network the demo works by words alone, and says so.
demo: FETCH = --best-effort
demo: models build
	$(NEXUS) demo $(if $(ONCE),--once)

test: models
	cargo test --locked --workspace

lint:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

openapi: build
	$(NEXUS) openapi > docs/openapi.json

# Figures of docs/PERFORMANCE.md, with the program that `make demo` runs. CORPUS is an archive of documentation, SETS are
# folders in BEIR layout.
bench: models build
	$(PYTHON) scripts/bench.py --nexus $(NEXUS) --corpus $(CORPUS)

eval: models build
	$(NEXUS) eval $(foreach set,$(SETS),--set $(set))

lies:
	cargo run --locked -p nexus-lies -- $(SETS) $(if $(HELD_OUT),--held-out)

SECONDS ?= 600

api-fuzz: build
	$(PYTHON) scripts/api_fuzz.py --nexus $(NEXUS) --work $(BUILT)/api-fuzz --seconds $(SECONDS)

# n8n is not fetched: `npm install n8n` in a folder of your own, and name its program.
N8N ?= n8n

n8n-e2e: build
	$(PYTHON) scripts/n8n_e2e.py --nexus $(NEXUS) --n8n $(N8N)

# A debug build of the readers is optimised, and its assertions count.
fuzz: SECONDS = 60
fuzz:
	cargo run --locked -p nexus-fuzz -- --seconds $(SECONDS) $(if $(TARGET),--target $(TARGET)) --findings $(BUILT)/fuzz-findings

soak:
	NEXUS_CANARY_REQUESTS=$(or $(REQUESTS),1000000) cargo test --locked --workspace --test canaries -- --nocapture
	cargo test --locked --workspace --no-run
	NEXUS_SOAK=1 cargo test --locked --workspace --test e2e -- --nocapture nothing_is_lost

# The bot's and the backend's own binaries, against a simulated Telegram with its limits. One after the other: what is timed
# must not wait for what else is timed.
bench-bot:
	cargo test --locked --workspace --no-run
	cargo test --locked --workspace --test e2e -- --nocapture --ignored --test-threads 1 telegram::pace
