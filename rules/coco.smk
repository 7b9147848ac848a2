# Cases of a dataset in COCO's layout, of a word list on it, of your own CSV, or of the images that the study makes.
#
# REQUIRES  the dataset's annotations (instances, captions) and image folder; its CSV for the kinds word_list and custom
# PRODUCES  results/<study>/<dataset>/cases.parquet               one row per (image, word): prompts, mask source, status
#           results/<study>/<dataset>/cases.provenance.json       versions, settings and hashes behind it
# STEPS     build_cases


rule build_cases:
    input:
        dataset_inputs,
        prompts=lambda wildcards: PROMPTS if wildcards.dataset == GENERATED else [],
    output:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        provenance=f"{RESULTS}/{{dataset}}/cases.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/build_cases.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        section=dataset_section,
        prompts=prompts_argument,
        code=code("build_cases"),
    message:
        "Building the cases of {wildcards.dataset}"
    shell:
        "python -m infodecomp run build_cases --dataset {wildcards.dataset} --section {params.section:q} {params.prompts}"
        " --output {output.cases} 2>&1 | tee {log}"
