"""The conformance kit of the core: every model of the corpus, generated, compiled and run."""

from __future__ import annotations

from nestml_nest.backend import NestBackend

from nestml_core.testing import BackendConformance


class TestNest(BackendConformance):
    backend = NestBackend()
