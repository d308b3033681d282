"""Which tasks would find their data here, without reading them and without a network."""

import os
from typing import Any

from huggingface_hub import constants

from seqbench import build
from seqbench.config import Node, locate, parameters
from seqbench.datamodules.texts.files import DATA_DIR
from seqbench.datamodules.texts.hub import local_revision
from seqbench.errors import UserError, place
from seqbench.examining.configs import composing, inherited, names
from seqbench.examining.folders import size_of
from seqbench.examining.section import Problem, Section

VARIABLES = (
    DATA_DIR,
    "HF_HUB_OFFLINE",
    "HF_DATASETS_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_DATASETS_CACHE",
)


def examine() -> Section:
    with composing() as compose:
        config = compose("train")
    section = Section(
        {
            "offline": bool(constants.HF_HUB_OFFLINE),
            "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
            "tasks": [],
        }
    )
    given = os.environ.get(DATA_DIR)
    if given and not place(given).is_dir():
        section.wrong(f"{DATA_DIR}={given} is no folder", "set it to the one that holds the data")
    for name in names("task"):
        task = inherited("task", name)["task"]
        if "path" in parameters(locate(task["_target_"])):
            told = _task(section, name, {**config, "task": task})
            section.content["tasks"].append({"task": name} | told)
    absent = [
        each["name"]
        for each in section.content["tasks"]
        if each["source"] == "hub" and each["cached"] is None
    ]
    if absent and constants.HF_HUB_OFFLINE:
        section.wrong(
            f"HF_HUB_OFFLINE is set, and the local cache lacks {', '.join(absent)}",
            f"unset it, or put the data into folders and set {DATA_DIR}",
        )
    return section


def _task(section: Section, name: str, config: Node) -> dict[str, Any]:
    """source: files, hub, built_in or None. why: there is none, or it cannot be used. cached: the
    revision of a hub's data set that is here. others: where data may come from as well."""
    told: dict[str, Any] = dict.fromkeys(("source", "name", "bytes", "cached", "why"))
    others = _places(config["task"])
    told["others"] = others
    try:
        found = build.data(config).whereabouts()
    except UserError as error:
        problem = Problem.of(str(error))
        section.wrong(f"task={name}: {problem.what}", problem.do)
        return told | {"why": problem.what}
    if found is None:
        return told | {"why": "nowhere"}
    told |= {"source": found.kind, "name": found.name}
    told["others"] = [other for other in others if other["source"] != found.kind]
    if found.kind == "files":
        told["bytes"] = size_of(place(found.name)).bytes
    if found.kind == "hub":
        told["cached"] = local_revision(found.name)
        if told["cached"] is None and constants.HF_HUB_OFFLINE:
            told["why"] = "not in the local cache"
    return told


def _places(task: Node) -> list[dict[str, str]]:
    """Where a task looks, in its order, if ``task.path`` names nothing: for files by a name below
    the data directory."""
    given = {"files": task.get("folder"), "hub": task.get("hub"), "built_in": task.get("built_in")}
    found = [{"source": source, "name": name} for source, name in given.items() if name]
    for each in found:
        if each["source"] == "hub":
            each["url"] = f"https://huggingface.co/datasets/{each['name']}"
    return found
