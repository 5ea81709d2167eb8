"""llama.cpp's HTTP server as a process of its own: settings as JSON in, its address out, an end with its input."""

import json
import os
import sys

import xllamacpp

settings = json.loads(sys.argv[1])
params = xllamacpp.CommonParams()
params.model.path = settings["path"]
params.port = settings["port"]
params.model_alias = set(settings["aliases"])
params.api_keys = settings["keys"]
params.n_parallel = settings["slots"]
params.n_ctx = settings["slots"] * settings["context"]
params.n_gpu_layers = 0
# More would wait for each other where other tests run too.
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.endpoint_metrics = True
params.warmup = False
params.ui = False
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
os._exit(0)
