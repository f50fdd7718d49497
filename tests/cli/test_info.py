from __future__ import annotations

from pathlib import Path

from showtell.captioning.captioner import Captioner


def test_info_describes_the_captioner(showtell, model: Path, captioner: Captioner) -> None:
    result = showtell("info", model)
    lines = dict(line.split("  ", 1) for line in result.out.splitlines())
    lines = {name: value.strip() for name, value in lines.items()}
    assert lines["trained on"] == "nothing"
    assert lines["encoder"] == captioner.encoder.identity
    assert lines["decoder"].startswith("lstm, 16 wide, ")
    assert lines["captioner"] == str(model)
