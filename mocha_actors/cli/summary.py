"""What a person sees of a service at its end."""

from __future__ import annotations

from mocha_actors.client import StatsClient


def summary(client: StatsClient) -> str:
    """What the service did from start to end, a line a number. What was spooled is durable, and committed then or at the next start."""
    counters, report = client.counters, client.report
    rows = {
        "received": f"{counters.received:,}",
        "committed": f"{counters.committed:,}",
        **({"spooled": f"{counters.spooled:,}"} if counters.spooled else {}),
        "ignored": f"{counters.ignored:,}",
        "dead-lettered": f"{counters.dead_lettered:,}",
        "restarts": f"{counters.restarts:,}",
        "resumes": f"{counters.resumes:,}",
        "identifies": f"{counters.identifies:,}",
        "lag p50": seconds(counters.lag.percentile(50)),
        "lag p99": seconds(counters.lag.percentile(99)),
        "shutdown": f"{'clean' if report.clean else 'NOT CLEAN: ' + report.reason}, {report.seconds:.2f} s",
    }
    return "\n".join(
        f"{name:<14}{value:>12}" if name != "shutdown" else f"{name:<14}  {value}" for name, value in rows.items()
    )


def seconds(value: float | None) -> str:
    """A duration for people."""
    if value is None:
        return "–"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
