# Images that codes are learned from, in one form: chosen, checked, cropped, resized. Those of `factors` are drawn where they
# are needed, and prepared only if someone asks for these files.
#
# REQUIRES  the files of the dataset, which `fetch` gets below data/; or your own, by representation → images → list
# PRODUCES  results/<study>/representation/images/images.npy           (N, C, H, W), uint8
#           results/<study>/representation/images/attributes.parquet   names, held out, attributes
#           results/<study>/representation/images/images.json          what was prepared and how
# STEPS     prepare_representation_images


rule prepare_representation_images:
    input:
        remake_changed,
        image_dataset_files,
    output:
        images=f"{PREPARED_IMAGES}/images.npy",
        attributes=f"{PREPARED_IMAGES}/attributes.parquet",
        description=f"{PREPARED_IMAGES}/images.json",
        provenance=f"{PREPARED_IMAGES}/images.provenance.json",
    log:
        f"{RESULTS}/representation/logs/prepare_representation_images.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        settings=settings("prepare_representation_images"),
        folder=folder_of_first,
        code=code("prepare_representation_images"),
    message:
        "Preparing the images of representations"
    shell:
        command(
            "prepare_representation_images",
            "--settings {params.settings:q} --output-dir {params.folder}",
        )
