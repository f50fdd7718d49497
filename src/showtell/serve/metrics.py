"""Metrics for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from showtell.serve.batcher import Batcher


class Metrics:
    """The counters of one server."""

    def __init__(self, batcher: Batcher) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "showtell_requests_total", "Requests answered.", ["path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "showtell_request_seconds", "From a request's head to its answer.", ["path"], registry=self.registry
        )
        self.photos = Counter(
            "showtell_photos_total", "Photos, by what became of them.", ["outcome"], registry=self.registry
        )
        waiting = Gauge("showtell_photos_waiting", "Photos that wait or are worked on.", registry=self.registry)
        waiting.set_function(lambda: batcher.waiting)
        speed = Gauge("showtell_seconds_per_photo", "What the last photos took.", registry=self.registry)
        speed.set_function(lambda: batcher.seconds_per_photo)

    def text(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self.registry)
