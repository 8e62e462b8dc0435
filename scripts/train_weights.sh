#!/usr/bin/env bash
# From folders of sharp faces to a weights file, by the recipe of the shipped ones (whose longer history
# is in docs/experiments.md):
#   scripts/train_weights.sh smfd-unet.pth options/smfd.yml options/smfd_finetune.yml
#   scripts/train_weights.sh smfd-unet-tiny.pth options/smfd_tiny.yml options/smfd_tiny_finetune.yml
# Each option file trains from the averaged weights of the one before, with a learning rate that ends
# at zero: the first the mask generator and then both steps, the second all of it on larger crops. The
# same command goes on after an interruption.
#
# The later option files need two more networks in weights/: see their first lines, before you start.
#
# Variables: PROCESSES (the GPUs, or 1; on a CPU one for each core is fastest) share the batch of the
# option file; FORCE are further `--force_yml` settings, for all files ("train:total_iter=9 ...").
set -euo pipefail

[ $# -ge 2 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
output=$1
shift
[ ! -e "$output" ] || { echo "$output is already there" >&2; exit 2; }
processes=${PROCESSES:-$(python -c 'import torch; print(max(torch.cuda.device_count(), 1))')}

read_options='
import sys, yaml
options = yaml.safe_load(open(sys.argv[1]))
print(options["datasets"]["train"]["batch_size_per_gpu"], options["name"])'

weights=
for options in "$@"; do
  batch_and_name=$(python -c "$read_options" "$options" 2>/dev/null) || {
    echo "$options is no option file with a name and datasets.train.batch_size_per_gpu" >&2
    exit 2
  }
  batch=${batch_and_name%% *}
  experiment=experiments/${batch_and_name#* }
  if [ ! -e "$experiment/models/net_g_latest.pth" ]; then
    settings=(datasets:train:batch_size_per_gpu=$(((batch + processes - 1) / processes)))
    [ -z "$weights" ] || settings+=(path:pretrain_network_g="$weights")
    torchrun --nproc_per_node="$processes" "$(command -v basicsr)" train -opt "$options" \
      --launcher pytorch --auto_resume --force_yml "${settings[@]}" ${FORCE:-}
  fi
  weights=$experiment/models/net_g_latest.pth
done
smfd export --format pth --weights "$weights" -o "$output"
