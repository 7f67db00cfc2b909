"""An exported folder, pushed to the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from core import PaletteError


class HubError(PaletteError):
    """The hub did not take it; the message says why in one sentence."""


REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
REFUSALS = {
    401: "The hub does not know this token: make one with write access at huggingface.co/settings/tokens.",
    403: "This token may not write to {}: give it write access at huggingface.co/settings/tokens.",
}


def check(repository: str, token: str | None = None) -> str:
    """The token to push with, if there is one and the repository can be called so. Raises HubError."""
    from huggingface_hub import get_token

    if not REPOSITORY.fullmatch(repository):
        raise HubError(f"{repository!r:.120} cannot be a repository: write OWNER/NAME.")
    if found := token or get_token():
        return found
    raise HubError("There is no Hugging Face token here: run `hf auth login`, or set HF_TOKEN, and push again.")


def push(files: Sequence[Path], repository: str, private: bool = True, token: str | None = None) -> str:
    """Upload an exported folder's files as the model repository ``OWNER/NAME``, made if need be; returns its address.

    Whatever else is in the folder stays at home. Without a ``token`` it is the one that huggingface_hub knows
    (``hf auth login`` or ``HF_TOKEN``); it is neither kept nor shown. Raises HubError.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    folder, names = files[0].parent, [path.name for path in files]
    if "README.md" not in names:
        raise HubError(f"{files[0].name} is a single file without a model card; the hub takes a folder: export as one.")
    token = check(repository, token)
    api = HfApi(token=token)
    try:
        made = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=made.repo_id, folder_path=folder, allow_patterns=names, commit_message="Exported by Palette"
        )
    except HFValidationError as error:
        raise HubError(f"{repository!r} cannot be a repository: {_first_line(error, token)}") from None
    except HfHubHTTPError as error:
        if why := REFUSALS.get(error.response.status_code):
            raise HubError(why.format(repository)) from None
        raise HubError(f"The hub refused {repository}: {_first_line(error, token)}") from None
    except ValueError as error:  # a card that it does not take; the reasons are in the lines that follow the first
        reasons = "; ".join(line.removeprefix("- ").rstrip(".") for line in str(error).splitlines() if line.strip())
        raise HubError(f"The hub refused {repository}: {reasons.replace(token, '(the token)')}.") from None
    except Exception as error:  # which library carries the bytes, and how it fails, changes with the hub's versions
        raise HubError(
            f"The Hugging Face hub cannot be reached ({type(error).__name__}); {folder} is kept. Push it again when "
            "online; a command needs --overwrite then."
        ) from None
    return str(made)


def _first_line(error: Exception, token: str) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].replace(token, "(the token)")
