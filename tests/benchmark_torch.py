"""PyTorch's way in the benchmark: its usual loop, without compilation. See benchmark.py."""

import sys

import torch
from benchmark import serve
from torch import nn

BATCH = {"dense": 256, "convolutional": 64}


def dense(inputs, outputs):
    pieces = []
    for _ in range(3):
        pieces += [nn.Linear(inputs, 128), nn.ReLU()]
        inputs = 128
    return nn.Sequential(*pieces, nn.Linear(128, outputs))


def convolutional_generator():
    def normalised(layer, normalisation):
        return [layer, normalisation, nn.LeakyReLU(0.2)]

    return nn.Sequential(
        *normalised(nn.Linear(100, 256, bias=False), nn.BatchNorm1d(256)),
        *normalised(nn.Linear(256, 3136, bias=False), nn.BatchNorm1d(3136)),
        nn.Unflatten(1, (64, 7, 7)),
        nn.Upsample(scale_factor=2),
        *normalised(
            nn.Conv2d(64, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)
        ),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(32, 1, 3, padding=1),
        nn.Tanh(),
    )


def convolutional_discriminator():
    return nn.Sequential(
        nn.Conv2d(1, 32, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 64, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(3136, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 1),
    )


def gradient_penalty(critic, real, generated):
    weights = torch.rand(len(real), *[1] * (real.ndim - 1))
    between = (real + weights * (generated - real)).requires_grad_()
    (gradients,) = torch.autograd.grad(
        critic(between).sum(), between, create_graph=True
    )
    return ((gradients.flatten(1).norm(dim=1) - 1) ** 2).mean()


def descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def way(model, networks, precision):
    n = BATCH[networks]
    if networks == "dense":
        generator, opponent = dense(2, 2), dense(2, 1)
        real, latent_dim = torch.randn(20 * n, 2), 2
    else:
        generator, opponent = (
            convolutional_generator(),
            convolutional_discriminator(),
        )
        real, latent_dim = torch.rand(20 * n, 1, 28, 28) * 2 - 1, 100
    optimizers = [
        torch.optim.Adam(network.parameters(), 2e-4, betas=(0.5, 0.999))
        for network in (generator, opponent)
    ]
    cross_entropy = nn.functional.binary_cross_entropy_with_logits
    ones, zeros = torch.ones(n, 1), torch.zeros(n, 1)

    def batch():
        return real[torch.randint(len(real), (n,))]

    def generate():
        return generator(torch.randn(n, latent_dim))

    def gan_step():
        on_real, on_generated = opponent(batch()), opponent(generate().detach())
        loss = cross_entropy(on_real.float(), ones)
        loss = loss + cross_entropy(on_generated.float(), zeros)
        descend(optimizers[1], loss / 2)
        loss = cross_entropy(opponent(generate()).float(), ones)
        descend(optimizers[0], loss)

    def wgan_gp_step():
        for _ in range(5):
            x, generated = batch(), generate().detach()
            loss = opponent(generated).mean() - opponent(x).mean()
            penalty = gradient_penalty(opponent, x, generated)
            descend(optimizers[1], loss + 10.0 * penalty)
        descend(optimizers[0], -opponent(generate()).mean())

    step = {"GAN": gan_step, "WGAN-GP": wgan_gp_step}[model]
    half = precision == "bfloat16"

    def train(steps):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            for _ in range(steps):
                step()

    weights = [*generator.parameters(), *opponent.parameters()]
    return train, sum(w.numel() for w in weights)


if __name__ == "__main__":
    serve(*way(*sys.argv[1:]))
