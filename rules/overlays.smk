# Overlays are values. Snakemake runs those that ask for it as programs, before this file is read; nothing else runs then.

from infodecomp.config.overlays import refuse_code

try:
    refuse_code(workflow.configfiles)
except InputError as error:
    sys.exit(f"error: {error}")
