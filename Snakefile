# What a word tells a diffusion model about a pixel: the whole study, from images to tables and figures.
#
#   snakemake --cores all                                  the embedded study, on any laptop
#   snakemake --cores all --configfile config/paper.yaml   Stable Diffusion 2.1-base on COCO and ARO
#   snakemake --cores all localisation                     one part; also retrieval, editing, partial_information,
#                                                          faithfulness, validation
#   snakemake --cores 1 fetch --configfile config/paper.yaml   what a study needs from the network, and no more
#   snakemake --cores all plan                             jobs, evaluations, hours and disk, before anything runs
#   snakemake --cores all paper_figures                    every figure, and the published numbers beside ours
#   snakemake --cores all report                           the page to look at them, results/<study>/report/index.html
#   snakemake --cores 2 train_scenes_model                 train the embedded model anew; also _clip, _hardneg, _classifier

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


report: "rules/captions/study.rst"


include: "rules/common.smk"
include: "rules/fetch.smk"
include: "rules/scenes.smk"
include: "rules/coco.smk"
include: "rules/information.smk"
include: "rules/gradients.smk"
include: "rules/localisation.smk"
include: "rules/aro.smk"
include: "rules/retrieval.smk"
include: "rules/editing.smk"
include: "rules/partial_information.smk"
include: "rules/faithfulness.smk"
include: "rules/validation.smk"
include: "rules/study.smk"
include: "rules/figures.smk"
include: "rules/report.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        rules.localisation.input,
        rules.retrieval.input,
        rules.editing.input,
        rules.partial_information.input,
        rules.faithfulness.input,
        rules.validation.input,
        rules.summarise_study.output,
        rules.paper_figures.input,
        rules.report.input,
    message:
        "Done: tables in {RESULTS}/tables, figures in {RESULTS}/figures, the page in {RESULTS}/report/index.html"


onerror:
    print(
        f"The study stopped. The logs are in {RESULTS}/**/logs/; the same command goes on where it stopped."
    )
