"""An exported folder, pushed to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from core import PaletteError


class HubError(PaletteError):
    """The hub did not take it; the message says why in one sentence."""


def push(folder: Path, repository: str, private: bool = True) -> str:
    """Upload an exported folder as the model repository ``OWNER/NAME``, made if need be; returns its address.

    The token is the one that huggingface_hub knows (``hf auth login`` or ``HF_TOKEN``). Raises HubError.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if not (folder / "README.md").is_file():
        raise HubError(f"{folder} is no exported folder: it has no README.md; export there first.")
    if not get_token():
        raise HubError("There is no Hugging Face token here: run `hf auth login`, or set HF_TOKEN, and push again.")
    api = HfApi()
    try:
        made = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(repo_id=made.repo_id, folder_path=folder, commit_message="Exported by Palette")
    except HFValidationError as error:
        raise HubError(f"{repository!r} cannot be a repository: {str(error).splitlines()[0]}") from None
    except HfHubHTTPError as error:
        raise HubError(f"The hub refused {repository}: {str(error).splitlines()[0]}") from None
    except Exception as error:  # which library carries the bytes, and how it fails, changes with the hub's versions
        raise HubError(
            f"The Hugging Face hub cannot be reached ({type(error).__name__}); {folder} is kept, push it when online."
        ) from None
    return str(made)
