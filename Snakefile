# What each word of a caption tells a diffusion model about each pixel: the whole study, from images to tables and figures.
#
#   snakemake --cores all                                  the embedded study, on any laptop
#   snakemake --cores all --configfile config/paper.yaml   Stable Diffusion 2.1-base on COCO and ARO
#   snakemake --cores all localisation     or retrieval, editing, partial_information, faithfulness, validation, representation
#   snakemake --cores 1 fetch --configfile config/paper.yaml   only download what a study needs
#   snakemake --cores all plan                             jobs, evaluations, hours and disk, before anything runs
#   snakemake --cores 2 train_scenes_model                 train the embedded model; also _flow, _clip, _hardneg, _classifier
#
# The target comes before --configfile, which takes every word that follows it for one more file. From another folder, add
# `-s <this file>`: its configuration, lists and models are used, and results go to the folder where the command runs.

from snakemake.utils import min_version

min_version("9.20")


configfile: f"{workflow.current_basedir}/config.yaml"


report: "rules/captions/study.rst"


include: "rules/common.smk"
include: "rules/files.smk"
include: "rules/fetch.smk"
include: "rules/scenes.smk"
include: "rules/training.smk"
include: "rules/generation.smk"
include: "rules/cases.smk"
include: "rules/retrieval_cases.smk"
include: "rules/information.smk"
include: "rules/attribution.smk"
include: "rules/pair_maps.smk"
include: "rules/localisation.smk"
include: "rules/retrieval.smk"
include: "rules/editing.smk"
include: "rules/pairs.smk"
include: "rules/faithfulness.smk"
include: "rules/representation_files.smk"
include: "rules/representation_images.smk"
include: "rules/representation_training.smk"
include: "rules/validation.smk"
include: "rules/representation.smk"
include: "rules/representation_quality.smk"
include: "rules/study.smk"
include: "rules/figures.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        [files for part, files in PART_RESULTS.items() if part in PARTS],
        rules.summarise_study.output,
        rules.paper_figures.input,
        rules.report.input,
    localrule: True
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures, the page in {RESULTS}/report/index.html"
