/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times darknet on a network, as a process of its own, through its library (run.py compiles this).
 *
 *     peer-darknet CFG WEIGHTS INPUT.f32 WIDTH HEIGHT SEED.f32 ROUNDS OUTPUT.f32 GRADIENT.f32
 *
 * The .f32 files are bare float32, channels before rows. Prints a line of JSON like peer_torch.py.
 * The gradient is the one that darknet's own "nightmare" takes: a seed in the last layer's delta,
 * then backward. Its backward always computes the weights' gradients too; nothing turns that off. */
#include <darknet.h>
#include <sys/resource.h>
#include <time.h>

typedef struct {
  network *net;
  const float *seed;
  float *gradient; /* network's input */
} Run;

static float *
load(const char *path, size_t count)
{
  float *values = malloc(count * sizeof *values);
  FILE *file = fopen(path, "rb");
  if (values == NULL || file == NULL || fread(values, sizeof *values, count, file) != count) {
    fprintf(stderr, "%s cannot be read\n", path);
    exit(1);
  }
  fclose(file);
  return values;
}

static void
save(const char *path, const float *values, size_t count)
{
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(values, sizeof *values, count, file) != count || fclose(file) != 0) {
    fprintf(stderr, "%s cannot be written\n", path);
    exit(1);
  }
}

static void
forward(Run *run)
{
  run->net->train = 0;
  run->net->delta = NULL;
  forward_network(run->net);
}

static void
both(Run *run)
{
  network *net = run->net;
  layer last = net->layers[net->n - 1];
  net->train = 0;
  net->delta = run->gradient;
  memset(run->gradient, 0, sizeof(float) * (size_t)net->inputs);
  forward_network(net);
  memcpy(last.delta, run->seed, sizeof(float) * (size_t)last.outputs);
  backward_network(net);
}

static double
now_s(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void
measure(const char *what, void (*work)(Run *), Run *run, int rounds)
{
  struct rusage usage;
  printf("\"%s\": {\"seconds\": [", what);
  for (int i = 0; i < rounds; i++) {
    double start_s = now_s();
    work(run);
    printf("%s%.6f", i == 0 ? "" : ", ", now_s() - start_s);
  }
  getrusage(RUSAGE_SELF, &usage);
  printf("], \"peak_mib\": %.1f}", (double)usage.ru_maxrss / 1024);
}

int
main(int argc, char **argv)
{
  if (argc != 10)
    return 2;
  network *net = load_network(argv[1], argv[2], 0);
  resize_network(net, atoi(argv[4]), atoi(argv[5]));
  layer last = net->layers[net->n - 1];
  int rounds = atoi(argv[7]);
  Run run = {.net = net, .seed = load(argv[6], (size_t)last.outputs)};
  run.gradient = calloc((size_t)net->inputs, sizeof(float));
  net->input = load(argv[3], (size_t)net->inputs);
  printf("\n{");
  measure("forward", forward, &run, rounds);
  save(argv[8], last.output, (size_t)last.outputs);
  printf(", ");
  measure("forward+gradient", both, &run, rounds);
  save(argv[9], run.gradient, (size_t)net->inputs);
  printf("}\n");
  return 0;
}
