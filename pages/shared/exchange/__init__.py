"""Parts of the pages that export and import models."""
