"""Writes config.json, the two graphs as `optimum-cli export onnx` does, and reference.json, beside this folder."""

import subprocess
import sys
import tempfile
from pathlib import Path

from model import FOLDER, network, written_config
from optimum.exporters.onnx import main_export

with tempfile.TemporaryDirectory() as work:
    network().save_pretrained(work)
    Path(work, "config.json").write_text(written_config())
    exported = Path(work, "onnx")
    main_export(
        work, exported, task="text2text-generation-with-past", library_name="transformers", do_validation=False
    )
    for name in ("encoder_model.onnx", "decoder_model_merged.onnx"):
        (FOLDER / name).write_bytes((exported / name).read_bytes())
(FOLDER / "config.json").write_text(written_config())
reference = Path(__file__).parent / "reference.py"
(FOLDER / "reference.json").write_bytes(subprocess.check_output([sys.executable, reference]))
