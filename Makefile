# The steps of .ci/run, in the environment that is active (CONTRIBUTING.md has the set-up).
.PHONY: all test test-all oracle lint native site sanitize lowest

all: lint test-all site sanitize lowest

test:  ## the fast loop
	python -m pytest -m "not slow"

test-all:
	python -m pytest

oracle:  ## against torch, COCO's evaluation and clients, where they are installed
	python -m pytest -m oracle

lint:
	ruff check .
	ruff format --check .
	mypy
	clang-format --dry-run -Werror native/*.hpp native/*.cpp

native:  ## compile what changed, and put the library beside the sources
	cd native && cmake --preset release && cmake --build --preset release
	cmake --install build/release --prefix src

site:
	python -m sphinx -q -W docs docs/_build

sanitize:
	native/sanitize

lowest:  ## the oldest dependencies that pyproject.toml allows
	tests/lowest
