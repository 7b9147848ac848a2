# What a study needs and is not there: files of the table of sources, and models of the Hugging Face Hub.
#
# REQUIRES  a network, once; data/sources.csv
# PRODUCES  data/<dataset>/fetched/<file>             the file as it was fetched; archives may be deleted once unpacked
#           data/<dataset>/fetched/<file>.lock.json   its size and SHA-256, which a later fetch must have too
#           data/<dataset>/fetched/<file>.json        receipt: everything of it is in its place below data/<dataset>/
#           data/models/hub/<model>/                  the files of a model that are read
#           data/models/hub/<model>.{lock.json,json}  the same for the model
# STEPS     fetch_data, fetch_model; fetch asks for all that the study needs, on a machine with a network


rule fetch_data:
    output:
        receipt="data/{source}/fetched/{file}.json",
    log:
        "data/{source}/fetched/logs/{file}.log",
    wildcard_constraints:
        source="|".join(sorted({source.dataset for source in SOURCES})),
        file="|".join(source.file.replace(".", r"\.") for source in SOURCES),
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    resources:
        table=CONFIG.fetch.sources,
        local_path=CONFIG.fetch.local_path or "",
    params:
        code=code("fetch_data"),
    message:
        "Fetching {wildcards.file} of {wildcards.source}"
    shell:
        "python -m infodecomp run fetch_data --source {wildcards.source}/{wildcards.file} --table {resources.table:q}"
        " --local-path {resources.local_path:q} --output {output.receipt} 2>&1 | tee {log}"


rule fetch_model:
    output:
        receipt=f"{FETCHED}/{{hub_model}}.json",
    log:
        f"{FETCHED}/logs/{{hub_model}}.log",
    wildcard_constraints:
        hub_model="|".join(map(re.escape, HUB_MODELS)) or NOTHING,
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    params:
        kind=lambda wildcards: HUB_MODELS[wildcards.hub_model][0],
        section=lambda wildcards: section_json(HUB_MODELS[wildcards.hub_model][1]),
        code=code("fetch_model"),
    message:
        "Fetching the model {wildcards.hub_model}"
    shell:
        "python -m infodecomp run fetch_model --kind {params.kind} --section {params.section:q} 2>&1 | tee {log}"


rule fetch:
    input:
        study_receipts(),
    localrule: True
    message:
        "Everything is there that can be fetched"
