"""Wavelets, spectra, filters, and measures of sound and of images."""

from __future__ import annotations

from typing import Any

import torch
from rows import Row, call, method, positive, small, unit


def smooth_mag() -> Any:
    from pytorch_wavelets.scatternet.lowlevel import SmoothMagFn

    return lambda x, y: SmoothMagFn.apply(x, y, 0.01)


def dwt() -> Any:
    from pytorch_wavelets import DWTForward

    t = DWTForward(J=2, wave="db2", mode="symmetric").double()
    return lambda x: (lambda yl, yh: (yl, *yh))(*t(x))


def dwt_round() -> Any:
    from pytorch_wavelets import DWTForward, DWTInverse

    t, u = DWTForward(J=1, wave="db3", mode="zero").double(), DWTInverse(wave="db3", mode="zero").double()
    return lambda x: (lambda yl, yh: u((yl * yl, [torch.tanh(h) for h in yh])))(*t(x))


def dtcwt() -> Any:
    from pytorch_wavelets import DTCWTForward

    t = DTCWTForward(J=2).double()
    return lambda x: (lambda yl, yh: (yl, *yh))(*t(x))


def scatter_layer() -> Any:
    from pytorch_wavelets import ScatLayer

    return ScatLayer().double()


def wavedec() -> Any:
    import ptwt

    return lambda x: tuple(ptwt.wavedec(x, "db4", level=2, mode="reflect"))


def wavedec2() -> Any:
    import ptwt

    def f(x: Any) -> Any:
        low, (h, v, d) = ptwt.wavedec2(x, "sym3", level=1, mode="zero")
        return low, h, v, d

    return f


def cwt() -> Any:
    import ptwt

    return lambda x: ptwt.cwt(x, torch.arange(1.0, 5.0), "mexh")[0]


def nufft() -> Any:
    from torchkbnufft import KbNufft

    n = KbNufft(im_size=(6, 6)).double()

    k = torch.randn(2, 4)  # its backward pass returns None for the trajectory

    def f(x: Any) -> Any:
        return torch.view_as_real(n(torch.view_as_complex(x), k))

    return f


def lpc() -> Any:
    from torchlpc import sample_wise_lpc

    return sample_wise_lpc


def compressor() -> Any:
    from torchcomp import compexp_gain

    return lambda x: compexp_gain(x, -6.0, 3.0, -30.0, 0.7, 0.2, 0.1)


def stft() -> Any:
    import auraloss

    loss = auraloss.freq.STFTLoss(fft_size=16, hop_size=8, win_length=16)
    return lambda x, y: loss(x, y)


def filterbank() -> Any:
    from asteroid_filterbanks import Encoder, ParamSincFB

    return Encoder(ParamSincFB(4, 9, stride=4)).double()


def mel() -> Any:
    from nnAudio.features import MelSpectrogram

    return MelSpectrogram(sr=800, n_fft=32, n_mels=5, hop_length=16, verbose=False).double()


FUNCTIONS: dict[str, dict[str, Row]] = {
    "pytorch_wavelets": {
        "SmoothMagFn": (smooth_mag, (3,), (3,)),
        "DWTForward": (dwt, (1, 1, 8, 8)),
        "DWTInverse of a function of DWTForward": (dwt_round, (1, 1, 8, 8)),
        "DTCWTForward": (dtcwt, (1, 1, 8, 8)),
        "ScatLayer": (scatter_layer, (1, 1, 8, 8)),
    },
    "torch_dct": {
        "dct": (call("torch_dct.dct"), (2, 5)),
        "idct": (call("torch_dct.idct"), (2, 5)),
        "dct_2d": (call("torch_dct.dct_2d"), (3, 4)),
    },
    "ptwt": {
        "wavedec": (wavedec, (2, 16)),
        "wavedec2": (wavedec2, (1, 6, 6)),
        "cwt": (cwt, (16,)),
    },
    "julius": {
        "LowPassFilter": (method("julius.LowPassFilter", 0.2), (1, 40)),
        "ResampleFrac": (method("julius.ResampleFrac", 3, 2), (1, 12)),
    },
    "auraloss": {
        "STFTLoss": (stft, (1, 1, 32), (1, 1, 32)),
        "SISDRLoss": (method("auraloss.time.SISDRLoss"), (1, 1, 16), (1, 1, 16)),
        "LogCoshLoss": (method("auraloss.time.LogCoshLoss"), (1, 1, 16), (1, 1, 16)),
    },
    "asteroid_filterbanks": {"ParamSincFB": (filterbank, (1, 1, 24))},
    "nnAudio": {"MelSpectrogram": (mel, (1, 64))},
    "torchkbnufft": {"KbNufft": (nufft, (1, 1, 6, 6, 2))},
    "torchlpc": {"sample_wise_lpc": (lpc, (2, 6), small(2, 6, 2))},
    "torchcomp": {"compexp_gain": (compressor, positive(1, 12))},
    "torchmetrics": {
        "scale_invariant_signal_distortion_ratio": (
            call("torchmetrics.functional.audio.scale_invariant_signal_distortion_ratio"),
            (2, 8),
            (2, 8),
        ),
        "ssim": (
            call("torchmetrics.functional.image.structural_similarity_index_measure", kernel_size=5, sigma=0.8, data_range=1.0),
            unit(1, 1, 8, 8),
            unit(1, 1, 8, 8),
        ),
        "pearson_corrcoef": (call("torchmetrics.functional.pearson_corrcoef"), (7,), (7,)),
        "signal_distortion_ratio": (
            call("torchmetrics.functional.audio.signal_distortion_ratio", filter_length=4),
            (1, 32),
            (1, 32),
        ),
    },
    "pytorch_msssim": {
        "ssim": (call("pytorch_msssim.ssim", data_range=1.0, win_size=5), unit(1, 1, 8, 8), unit(1, 1, 8, 8)),
    },
}
