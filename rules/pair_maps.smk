# Maps of word pairs: what two words of a caption share, what is unique to each, and what only both together convey.
#
# REQUIRES  results/<study>/<dataset>/cases.parquet of datasets with `word_pairs: true`, the images, the model; a CSV of pairs,
#           if `pairs → selection → list` names one
# PRODUCES  results/<study>/<dataset>/pair_words/pairs.parquet                one row per caption and word pair
#           results/<study>/<dataset>/decompose_information/shard-*.parquet   totals with errors, status
#           results/<study>/<dataset>/decompose_information/maps/<pair>.npz   of each replicate, by both estimators
#           results/<study>/<dataset>/gather_parts/words.parquet              the pairs of each case, and its status
#           results/<study>/<dataset>/gather_parts/maps/<case>.npz            unique, redundancy, synergy over its pairs
# STEPS     pair_words, decompose_information, gather_parts

PAIRED = [name for name, dataset in CONFIG.datasets.items() if dataset.word_pairs]
PAIR_LIST = CONFIG.pairs.selection.list
pair_estimates = lambda name: shard_tables(
    name,
    "decompose_information",
    [f"{number:04d}" for number in range(CONFIG.pair_shards_of(name))],
)
# The gathered parts of a dataset, and its word pairs, if it has any.
word_parts = lambda wildcards: (
    f"{RESULTS}/{wildcards.dataset}/gather_parts/words.parquet"
    if wildcards.dataset in PAIRED
    else []
)
word_pairs = lambda wildcards: (
    f"{RESULTS}/{wildcards.dataset}/pair_words/pairs.parquet"
    if wildcards.dataset in PAIRED
    else []
)
# Arguments of a stage that reads their maps, and, where it has the pairs among its inputs, makes them again.
word_parts_arguments = lambda wildcards, input: (
    f"--pairs {input.parts} --maps-pairs {RESULTS}/{wildcards.dataset}/gather_parts/maps"
    + (f" --word-pairs {input.word_pairs}" if hasattr(input, "word_pairs") else "")
    if input.parts
    else ""
)
# What says how much of a caption the model reads: its tokenizers, or the receipt of a model that is fetched.
tokenizer_files = lambda wildcards: (
    [
        file
        for file in model_files(wildcards)
        if Path(file).parent.name.startswith("tokenizer")
    ]
    or model_files(wildcards)
)


rule pair_words:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        list=present([shipped(PAIR_LIST)] if PAIR_LIST else []),
        tokenizers=tokenizer_files,
    output:
        pairs=f"{RESULTS}/{{dataset}}/pair_words/pairs.parquet",
        provenance=f"{RESULTS}/{{dataset}}/pair_words/pairs.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/pair_words.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        settings=settings("pair_words"),
        model=MODEL_PARAMS["model"],
        code=code("pair_words"),
    message:
        "Pairing the words of the captions of {wildcards.dataset}"
    shell:
        command(
            "pair_words",
            "--dataset {wildcards.dataset} --cases {input.cases} --settings {params.settings:q} --model {params.model:q}"
            " --output {output.pairs}",
        )


rule decompose_information:
    input:
        cases=f"{RESULTS}/{{dataset}}/pair_words/pairs.parquet",
        model=model_files,
        pilot=pilot_density,
    output:
        table=f"{RESULTS}/{{dataset}}/decompose_information/shard-{{shard}}.parquet",
        provenance=f"{RESULTS}/{{dataset}}/decompose_information/shard-{{shard}}.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/decompose_information-{{shard}}.log",
    benchmark:
        f"{RESULTS}/{{dataset}}/logs/decompose_information-{{shard}}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: MODEL_THREADS
    resources:
        **MODEL_JOB,
        images=dataset_images,
    params:
        **{
            **MODEL_PARAMS,
            "shards": lambda wildcards: CONFIG.pair_shards_of(wildcards.dataset),
        },
        settings=settings("decompose_information"),
        pilot=pilot_argument,
        code=code("decompose_information"),
    message:
        "Estimating the information of word pairs in {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        model_command(
            "decompose_information",
            "{params.pilot}",
        )


rule gather_parts:
    input:
        cases=f"{RESULTS}/{{dataset}}/cases.parquet",
        pairs=f"{RESULTS}/{{dataset}}/pair_words/pairs.parquet",
        estimates=lambda wildcards: pair_estimates(wildcards.dataset),
    output:
        table=f"{RESULTS}/{{dataset}}/gather_parts/words.parquet",
        provenance=f"{RESULTS}/{{dataset}}/gather_parts/words.provenance.json",
    log:
        f"{RESULTS}/{{dataset}}/logs/gather_parts.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        **TABLE_JOB,
    params:
        maps=maps_beside_table,
        maps_pairs=f"{RESULTS}/{{dataset}}/decompose_information/maps",
        settings=settings("gather_parts"),
        code=code("gather_parts"),
    message:
        "Gathering unique, redundant and synergistic information in {wildcards.dataset}"
    shell:
        command(
            "gather_parts",
            "--cases {input.cases} --pairs {input.pairs} --estimates {input.estimates} --maps-pairs"
            " {params.maps_pairs} --settings {params.settings:q} --maps {params.maps} --output {output.table}",
        )
