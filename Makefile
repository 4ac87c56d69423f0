# Run `make help` for a list of targets. Every target creates .venv first if it is missing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup doctor demo airflow backfill sql report explain bench chaos prove local-aws bundle preflight release test test-fast test-compose test-newest-provider conformance lint terraform-check vulnerability-scan data-dictionary format lock clean

PYTHON_RUN := .venv/bin/python
SETUP := @./setup.sh
# The tests start hundreds of Python processes, and each would compile what it imports.
unexport PYTHONDONTWRITEBYTECODE
CODE := dags plugins glue_scripts bundle local_aws local_exchange local_platform dev docker tests .github/scripts/plan_report.py
SCRIPTS := setup.sh .ci/run docker/make_keys.sh $(addprefix .github/scripts/,fetch-release publish-release terraform-plan)
# The constraints that MWAA's image is built with. `make lock CONSTRAINTS=<file or URL>` uses others.
CONSTRAINTS ?= https://raw.githubusercontent.com/apache/airflow/constraints-3.3.1/constraints-3.12.txt

# The marks come from the fixtures starts_* of tests/conftest.py.
FAST := not (spark or local_aws or warehouse or airflow or browser or terraform)

# A week is usually enough for others to notice a malicious version.
COMPILE = .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	$(if $(filter-out 0,$(UPGRADE)),--upgrade --exclude-newer '7 days')

CLIENTS = local_aws/conformance/clients

MARKETS = $(if $(SOURCES),--sources '$(SOURCES)') $(if $(SYMBOLS),--symbols '$(SYMBOLS)') \
	$(if $(MARKET_DATA),--market-data '$(MARKET_DATA)')

# Where the local AWS keeps its state, and where it listens.
PLACE = $(if $(STATE),--state-dir '$(STATE)') $(if $(AWS_PORT),--aws-port '$(AWS_PORT)')

# The statement as it was typed: make would expand its dollars, and a shell would remove its quotes.
export SQL_STATEMENT := $(value SQL)
unexport SQL

# The lines "#? <variables>: <meaning>" below a target name its variables. Another one would be ignored: a misspelled DATE
# would load another day.
ALLOWED := $(shell awk -v 'goals= $(MAKECMDGOALS) ' \
	'/^[a-z-]+:.*\#\# / { split($$0, target, ":"); on = index(goals, " " target[1] " ") } \
	on && /^\#\? / { while (match($$0, /[A-Z0-9_]+=/)) { print substr($$0, RSTART, RLENGTH - 1); $$0 = substr($$0, RSTART + RLENGTH) } }' \
	$(firstword $(MAKEFILE_LIST)))
UNKNOWN := $(filter-out $(ALLOWED),$(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name))))
ifneq ($(UNKNOWN),)
$(error make $(MAKECMDGOALS) does not have the variable $(firstword $(UNKNOWN)). It has: $(or $(ALLOWED),none))
endif

# The list consists of the lines "##@ <group>", of each target's comment, and of the lines "#? <options>: <meaning>".
help: ## Show this list
	@awk 'sub(/^##@ /, "") { print "\n" $$0 } \
		/^[a-z-]+:.*## / { split($$0, target, /:.*## /); printf "  make %-20s  %s\n", target[1], target[2] } \
		sub(/^#\? /, "") { split($$0, option, /: /); printf "      %-40s %s\n", option[1], option[2] }' $(MAKEFILE_LIST)

##@ Run the platform

demo: ## Load one day on the local AWS, refresh the marts, and show the result and a receipt
#? DATE=2023-12-18 SYMBOLS=BTCUSDT,ETHUSDT: the day and the markets to load
#? SOURCES=binance,bitfinex,bitstamp,coinbase: several sources side by side
#? MARKET_DATA=<folder>: serve recorded candles instead of generated ones
#? LIVE=1: use the real exchange API
#? RELOAD=1: load even what the warehouse already holds
#? STATE=<folder> AWS_PORT=4567: another folder than .local; another port for the local AWS
	$(SETUP)
	@exec $(PYTHON_RUN) -m dev demo $(if $(DATE),--date '$(DATE)') $(MARKETS) $(PLACE) \
		$(if $(filter-out 0,$(LIVE)),--live) $(if $(filter-out 0,$(RELOAD)),--reload)

airflow: ## Run the local AWS and a complete Airflow, and print the address of its UI (Ctrl-C stops it)
#? PORT=8081: another port for the UI
#? SOURCES= SYMBOLS= MARKET_DATA= STATE= AWS_PORT=: as for make demo
	$(SETUP)
	@exec $(PYTHON_RUN) -m dev airflow $(if $(PORT),--port '$(PORT)') $(MARKETS) $(PLACE)

backfill: ## Load a range of days with Airflow and show the result
#? FROM=2024-01-01 TO=2024-01-07: the days to load
#? MAX_ACTIVE_RUNS=4 BACKWARDS=1: number of days at the same time; start with the last day
#? REPROCESS=failed: run failed (or completed) days again
#? DRY_RUN=1: only show which days would run
#? SOURCES= SYMBOLS= MARKET_DATA= STATE= AWS_PORT=: as for make demo
	$(SETUP)
	@exec $(PYTHON_RUN) -m dev backfill --from '$(FROM)' --to '$(TO)' $(MARKETS) $(PLACE) \
		$(if $(MAX_ACTIVE_RUNS),--max-active-runs '$(MAX_ACTIVE_RUNS)') $(if $(REPROCESS),--reprocess '$(REPROCESS)') \
		$(if $(filter-out 0,$(DRY_RUN)),--dry-run) \
		$(if $(filter-out 0,$(BACKWARDS)),--backwards)

sql: ## Query the warehouse: open psql, or print the rows of a statement
#? SQL="SELECT …" FORMAT=csv: the statement, in Redshift's SQL; CSV instead of a table
#? STATE= AWS_PORT=: as for make demo
	$(SETUP)
	@exec $(PYTHON_RUN) -m dev sql $(if $(FORMAT),--format '$(FORMAT)') $(PLACE)

report: ## Write the page "Crypto prices" as one HTML file, which needs no Airflow
#? OUT=report.html: another file than report.html in the state folder
#? STATE= AWS_PORT=: as for make demo
	$(SETUP)
	@exec $(PYTHON_RUN) -m dev report $(if $(OUT),--out '$(OUT)') $(PLACE)

# The shell reads the variables from its environment, so no text of theirs becomes a command.
explain: ## Show where a number comes from, with a check of every step, and write it to the lake
#? MARKET=BTC/USDT SOURCE=binance AT=2024-01-05T13:00: the candle, by its open time in UTC
#? INTERVAL=1h AS_OF=2024-02-01T00:00: length of the candle; what the warehouse held at a time
#? MART=daily DAY=2024-01-05: a row of a mart instead of a candle
#? FORMAT=json: JSON instead of text
#? STATE= AWS_PORT=: as for make demo
	$(SETUP)
	@exec $(PYTHON_RUN) -m dev explain $(if $(MARKET),--market "$$MARKET") $(if $(SOURCE),--source "$$SOURCE") \
		$(if $(AT),--at "$$AT") $(if $(INTERVAL),--interval "$$INTERVAL") $(if $(AS_OF),--as-of "$$AS_OF") \
		$(if $(MART),--mart "$$MART") $(if $(DAY),--day "$$DAY") $(if $(FORMAT),--format "$$FORMAT") $(PLACE)

local-aws: ## Start the local AWS with the platform's resources and a port for psql (Ctrl-C stops it)
#? WAREHOUSE_PORT=5440: another port for psql
#? STATE= AWS_PORT=: as for make demo
	$(SETUP)
	@exec $(PYTHON_RUN) -m local_platform --warehouse-port '$(or $(WAREHOUSE_PORT),5439)' \
		$(if $(STATE),--state-dir '$(STATE)') $(if $(AWS_PORT),--port '$(AWS_PORT)')

# Without .venv, because a broken installation must not keep a broken machine from being examined.
doctor: ## Check this machine: ports, disk, Java, user, locale and leftovers
#? PORT= WAREHOUSE_PORT= STATE= AWS_PORT=: check other ports, another folder
	@python=$$(./setup.sh --interpreter) && exec "$$python" -m dev doctor $(PLACE) \
		$(if $(PORT),--port '$(PORT)') $(if $(WAREHOUSE_PORT),--warehouse-port '$(WAREHOUSE_PORT)')

clean: ## Delete the local AWS's objects, catalog and warehouse, and Airflow's runs
#? STATE=<folder>: of another folder than .local
	@folder='$(or $(STATE),.local)'; if [ "$$folder" != .local ] && ! [ -d "$$folder/moto" ]; then \
		echo "make clean: STATE=$$folder is not a state folder: it has no folder moto. Nothing was deleted." >&2; exit 1; \
	fi; rm -rf "$$folder"

##@ Test and change the code

setup: ## Create .venv from requirements.lock, find Java, prepare Spark and build actionlint
	$(SETUP)
	@$(PYTHON_RUN) -m dev actionlint --build

test-fast: ## Run the tests that need no JVM, PostgreSQL, Airflow process, browser or Terraform
	$(SETUP)
	$(PYTHON_RUN) -m pytest -n 2 -m '$(FAST)' $(T)

test: ## Run every test
#? T=tests/sql/test_load.py::test_name: one test, one file or one folder
#? LONG_TESTS=1: also tests that take many minutes
#? MARKET_DATA=<folder>: recorded candles for the tests that need them
	$(SETUP)
	$(PYTHON_RUN) -m pytest $(if $(T),$(T),-n 2)

test-compose: ## Run docker-compose.yaml through a new user's first session (needs a Docker daemon)
#? COMPOSE=docker-compose: with a command other than docker compose
	$(SETUP)
	COMPOSE_TESTS=1 $(if $(COMPOSE),COMPOSE='$(COMPOSE)') $(PYTHON_RUN) -m pytest tests/compose

# In a separate environment, because requirements.lock has the provider of MWAA's image.
test-newest-provider: ## Run the tests of DAGs and operators with the newest Amazon provider on PyPI
	$(SETUP)
	.venv/bin/uv venv --quiet --clear --python $(PYTHON_RUN) .venv/newest-provider
	.venv/bin/uv pip sync --quiet --require-hashes --python .venv/newest-provider requirements.lock
	.venv/bin/uv pip install --quiet --python .venv/newest-provider --upgrade-package apache-airflow-providers-amazon \
		apache-airflow==3.3.1 'apache-airflow-providers-amazon[aiobotocore]'
	ln -sfn ../java .venv/newest-provider/java
	@.venv/bin/uv pip freeze --python .venv/newest-provider | grep '^apache-airflow-providers-amazon='
	.venv/newest-provider/bin/python -m pytest $(if $(T),$(T),-n 2 tests/dags tests/plugins)

conformance: ## Compare the local AWS, or a real account, with AWS's documented examples
#? PART=sql AREA=windows: only SQL (or api, clients); only one area
#? PLAN=1: only print what a run creates and what it costs
#? TABLE=1: also write the table of docs/reference/conformance.md
#? ALLOW_SKIPS=1: pass although a client cannot be installed
	$(SETUP)
	@exec $(PYTHON_RUN) -m local_aws.conformance $(if $(PART),--part '$(PART)') $(if $(AREA),--area '$(AREA)') \
		$(if $(filter-out 0,$(PLAN)),--plan) $(if $(filter-out 0,$(TABLE)),--page docs/reference/conformance.md) \
		$(if $(filter-out 0,$(ALLOW_SKIPS)),--allow-skips)

bench: ## Measure the platform's speed against floors and peers
#? PART=merge: only one part
#? ROUNDS=3 LARGE_ROUNDS=3: number of times that each pair runs, and that a pair of the Glue job from a million records does
#? RECORDS=20000,200000 SMALL_HEAP=1g: numbers of records to curate, and a heap in which the most should not spill
#? FACTS=1,10,100 FACT_DAYS=365: sizes of the fact table, in multiples of so many days of 20 markets
#? BACKFILL_DAYS=365 SINGLE_DAYS=3: days of a backfill, and days to load one by one
#? TABLE=1: also write the table of docs/reference/performance.md
	$(SETUP)
	@exec $(PYTHON_RUN) -m dev bench $(if $(PART),--part '$(PART)') $(if $(ROUNDS),--rounds '$(ROUNDS)') \
		$(if $(LARGE_ROUNDS),--large-rounds '$(LARGE_ROUNDS)') \
		$(if $(RECORDS),--records '$(RECORDS)') $(if $(SMALL_HEAP),--small-heap '$(SMALL_HEAP)') \
		$(if $(FACTS),--facts '$(FACTS)') $(if $(FACT_DAYS),--fact-days '$(FACT_DAYS)') \
		$(if $(BACKFILL_DAYS),--backfill-days '$(BACKFILL_DAYS)') $(if $(SINGLE_DAYS),--single-days '$(SINGLE_DAYS)') \
		$(if $(filter-out 0,$(TABLE)),--page docs/reference/performance.md)

lint: ## Check style, types, imports, SQL, Dockerfiles, workflows and shell scripts
	$(SETUP)
	.venv/bin/ruff check $(CODE)
	.venv/bin/ruff format --check $(CODE)
	.venv/bin/mypy dags plugins/crypto_prices plugins/crypto_prices_contract plugins/crypto_prices_plugin.py glue_scripts bundle local_aws local_exchange local_platform dev docker .github/scripts/plan_report.py
	PYTHONPATH=.:plugins:glue_scripts .venv/bin/lint-imports
	PYTHONPATH=plugins .venv/bin/sqlfluff lint sql
	.venv/bin/hadolint docker/*.Dockerfile
	.venv/bin/shellcheck $(SCRIPTS)
	$(PYTHON_RUN) -m dev actionlint
	.venv/bin/zizmor --quiet --offline --strict-collection --persona=pedantic .github
	@if command -v terraform >/dev/null; then echo terraform fmt -check -recursive terraform; \
		terraform fmt -check -recursive terraform; \
	else echo "terraform is not installed: the format of terraform/ is not checked"; fi

format: ## Format the Python and SQL files
	$(SETUP)
	.venv/bin/ruff check --fix $(CODE)
	.venv/bin/ruff format $(CODE)

data-dictionary: ## Write docs/reference/data-dictionary.md
	$(SETUP)
	@exec $(PYTHON_RUN) -m dev data-dictionary

terraform-check: ## Check format, validity and rules of terraform/ (if Terraform is installed)
	$(SETUP)
	@exec $(PYTHON_RUN) -m dev terraform-check

vulnerability-scan: ## Look up known vulnerabilities of the locked Python packages (needs the network)
#? SINCE=origin/main: only packages that this commit does not lock
	$(SETUP)
	@exec $(PYTHON_RUN) -m dev vulnerability-scan $(if $(SINCE),--since '$(SINCE)')

lock: ## Resolve the lock files again
#? CONSTRAINTS=<file or URL>: constraints other than MWAA's
#? UPGRADE=1: use the newest versions that the constraints allow and that are at least a week old
	$(SETUP)
	$(COMPILE) --python-version 3.11 \
		-c '$(CONSTRAINTS)' pyproject.toml --group glue --group local-aws --group dev -o requirements.lock
	$(COMPILE) --python-version 3.11 \
		--group checkov -o requirements-checkov.lock
	$(COMPILE) --python-version 3.11 \
		--group go -o requirements-go.lock
	$(COMPILE) --python-version 3.11 \
		--group java -o requirements-java.lock
	$(COMPILE) --python-version 3.12 \
		-c requirements.lock --group glue --group local-aws -o requirements-local-aws.lock
	$(COMPILE) --python-version 3.11 $(CLIENTS)/airflow.in -o $(CLIENTS)/airflow.lock
	$(COMPILE) --python-version 3.11 $(CLIENTS)/awscli.in -o $(CLIENTS)/awscli.lock
	$(COMPILE) --python-version 3.11 $(CLIENTS)/awswrangler.in -o $(CLIENTS)/awswrangler.lock
	$(COMPILE) --python-version 3.11 $(CLIENTS)/redshift-connector.in -o $(CLIENTS)/redshift-connector.lock

##@ Break it on purpose

chaos: ## Break loads and refreshes of the marts at every side effect, recover, and compare the results
#? SAMPLE=10 SEED=1: a sample of the cases, and half as many of the marts
#? ALL=1: all cases, not only pairwise combinations
#? CASE=<name>: one case; LIST=1 shows the names
#? PART=1/3: one part of the cases, for several machines
#? GUARDS=1: with each guard switched off; GUARD_OFF=<name> for one
#? STATE=<new folder>: keep state and logs there
	$(SETUP)
	@exec $(PYTHON_RUN) -m dev chaos $(if $(SAMPLE),--sample '$(SAMPLE)') $(if $(SEED),--seed '$(SEED)') \
		$(if $(CASE),--case '$(CASE)') $(if $(filter-out 0,$(ALL)),--all) \
		$(if $(PART),--part '$(PART)') $(if $(filter-out 0,$(LIST)),--list) \
		$(if $(GUARD_OFF),--guard-off '$(GUARD_OFF)') $(if $(filter-out 0,$(GUARDS)),--guards) \
		$(if $(STATE),--state-dir '$(STATE)')

##@ Deploy

bundle: ## Write the files for MWAA and Glue to dist/
	$(SETUP)
	@exec $(PYTHON_RUN) -m bundle build

preflight: bundle ## Check dist/ as MWAA and Glue would load it
	@exec $(PYTHON_RUN) -m bundle preflight

release: preflight ## Write dist/ as a zip file, its bill of materials and their checksums to release/
#? RELEASE=1.2.3: fail if the checkout is not the clean tag v1.2.3
	@exec $(PYTHON_RUN) -m dev release $(if $(RELEASE),--version '$(RELEASE)')

prove: ## Apply terraform/ to the local AWS, run the platform on it with IAM, and destroy it
#? EXTENT=daily ENVIRONMENT=prod: which steps (daily, records or all); which tfvars
#? KEEP=<folder>: keep its working folder
	$(SETUP)
	@exec $(PYTHON_RUN) -m dev prove $(if $(EXTENT),--extent '$(EXTENT)') \
		$(if $(ENVIRONMENT),--environment '$(ENVIRONMENT)') $(if $(KEEP),--keep '$(KEEP)')
