"""DifFace (arXiv 2212.06512): an estimate, diffused and restored by a diffusion model."""

from smfd_plugin.benchmark.files import find_file
from smfd_plugin.benchmark.methods.base import Context, Method
from smfd_plugin.benchmark.methods.restorer import restorer
from smfd_plugin.weights import load_network


def difface(context: Context, *, weights: str, source: str | None = None) -> Method:
    """DifFace, whose network resizes faces by itself.

    Args:
        context: see Context.
        weights: file of a whole DifFace, or a YAML file that names its parts, see
            smfd_plugin.weights.
        source: a page to get it from.

    Raises:
        ValueError: weights that do not fit, or parts that are not here.
    """
    path = find_file(context.folder, context.download, weights, source=source)
    net = load_network(path, "difface").to(context.device)
    return Method(restorer(net, lambda net, lq: net(lq, [context.seed]), None, context), net)
