s = open("d/notebooks/drafts/07_sections_7_to_10.txt", encoding="utf-8").read()
def sub(old, new):
    global s
    assert s.count(old) == 1, (s.count(old), old)
    s = s.replace(old, new)
sub("#%% md results-text\n", '''#%% md price-of-step-text
How many steps fit into a time? A step of the generator has a price, and each step of its opponent adds its own. These prices were measured in turns on one core. (The opponents of GAN and WGAN have batch normalisation, which costs something too.)

@@PRICE

#%% md compiled-text
All have Adam, at rates that fall to 0 in a straight line ([section 6](#6.-Learning-rates-that-fall)). The critic of the clipped WGAN first trains alone for some steps.

@@COMPILED

#%% md run-text
`train` looks at the model at some moments of its run. From the same logs, `estimate` takes what the opponent thinks of the distance; section 8 asks what that is worth.

@@RUN

#%% md digits-run-text
A whole run, then: the model, its number of steps, and the training.

@@DIGITSRUN

#%% md results-text
''')
open("07_sections.txt", "w", encoding="utf-8").write(s)
s = open("07_sections.txt", encoding="utf-8").read()
s = s.replace("#%% md tournament-text\n", '''#%% md title-text
# 07 WGAN with gradient penalty

A Wasserstein GAN needs a critic whose slope is limited. [Chapter 06](06_wgan.ipynb) limited it by clipping every weight. This chapter limits it directly: where a slope is not 1, the critic pays a **gradient penalty** (Gulrajani et al. 2017, called WGAN-GP). You will see why the slope should be 1, what clipping does to a critic that the penalty does not, and what the penalty costs. Then four methods meet in a tournament on digits, with equal chances.

**You will learn**
- why the best critic has a gradient of norm 1 between real and generated examples, and how a penalty asks for it;
- the three changes that turn a WGAN into a WGAN-GP, and why one of them is to drop batch normalisation;
- why clipped critics are too simple, and why deep ones lose their gradient;
- how to compare methods fairly: the same networks, the same search, the same time, several seeds;
- what a critic's estimate is worth, and whether the penalty can be had for less.

**Before you start**
You need [chapter 06](06_wgan.ipynb): the Wasserstein distance, the critic, and weight clipping. The chapter runs in about four minutes on two CPU cores. All terms and symbols are in the [glossary](glossary.md).

#%% md tournament-text
''', 1)
s += '''

#%% md summary-text
## Summary

- The best critic has a gradient of norm 1 on the lines between the pairs of the best plan. WGAN-GP asks for it on the lines between random pairs, with a penalty $(\\lVert \\nabla f \\rVert - 1)^2$. A small weight of it lets the slope grow, about as $1 + W / (2\\lambda)$.
- Three changes turn WGAN into WGAN-GP: the penalty, no clipping, and no batch normalisation in the critic, since the penalty is about single examples.
- A clipped critic is simpler than it need be. In a deep one the gradient vanishes or explodes, depending on $c$; with the penalty it stays level.
- Let the learning rates fall to 0. It can matter as much as the loss.
- TODO SUMMARY

## Exercises

1. Find the fault: somebody draws $\\epsilon$ from the normal distribution $N(0, 1)$. Draw the interpolated points of section 1 again, and count the share that lies outside the line between its two ends. The right answer also says why the test with the linear critic cannot see this fault, and names a critic that can.
2. Find the fault: somebody takes the norm over *all* axes of the gradient, the first one included. For $m$ examples, the linear critic then gives another number. Derive it with pencil and paper, and confirm it with the cell of section 2. To which slope would such a penalty drive the critic?
3. Train the penalised critics of section 4 with `gp_weight` 0.1, 1 and 10 on the grid. Report the bump and the share of the distance, over five seeds. The slope comes nearer to 1 with a larger weight. Do the two measures follow? Your answer should say what too large a weight costs.
4. A **one-sided** penalty charges only slopes above 1: the square of $\\max(0, \\lVert \\nabla f \\rVert - 1)$ (Petzka et al. 2018). Write it as a subclass that overrides `gradient_penalty`, and repeat section 4. The right answer compares the shares with their ranges, and says which of the two penalties follows from section 1.
5. Play a small tournament of your own: three seeds, a budget of 25 seconds, the best setting of WGAN-GP against the same setting with twice and with half of the penalty weight. Before you start, write down which difference between medians you would believe. The right answer has medians and ranges, and says whether the ranges overlap.

## References

- D. Foster, *Generative deep learning*, O'Reilly 2019, chapter 4: WGAN-GP in Keras, and the three changes from WGAN.
- I. Gulrajani et al. 2017, *Improved training of Wasserstein GANs*, arXiv:1704.00028: the penalty, Proposition 1, and the experiments of sections 4 and 5.
- M. Arjovsky, S. Chintala, L. Bottou 2017, *Wasserstein GAN*, arXiv:1701.07875: the critic, weight clipping.
- M. Lucic et al. 2018, *Are GANs created equal? A large-scale study*, arXiv:1711.10337: best of k settings, and the numbers of section 7.
- L. Mescheder, A. Geiger, S. Nowozin 2018, *Which training methods for GANs do actually converge?*, arXiv:1801.04406: the R1 penalty.
- T. Karras et al. 2020, *Analyzing and improving the image quality of StyleGAN*, arXiv:1912.04958: lazy regularisation.
- A. Srivastava et al. 2017, *VEEGAN*, arXiv:1705.07761: how to count modes.
- H. Petzka, A. Fischer, D. Lukovnikov 2018, *On the regularization of Wasserstein GANs*, arXiv:1709.08894: the one-sided penalty.
- S. Ioffe, C. Szegedy 2015, *Batch normalization*, arXiv:1502.03167, and J. Ba, J. Kiros, G. Hinton 2016, *Layer normalization*, arXiv:1607.06450.
- H. Xiao, K. Rasul, R. Vollgraf 2017, *Fashion-MNIST*, arXiv:1708.07747: the garments.
'''
open("07_sections.txt", "w", encoding="utf-8").write(s)
