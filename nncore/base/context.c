/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thread pool with one queue of one job: workers take chunks of an index range from an atomic
 * counter until none is left. The caller works too (as worker 0), so one thread means no
 * hand-over at all. */
#include "nncore/base/context.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "nncore/base/available.h"

typedef struct {
  NnContext *context;
  GThread *thread;
  int index;
} Worker;

struct NnContext {
  int threads;
  NnIsa isa;
  int64_t memory_budget; /* bytes; 0: automatic */
  Worker *workers; /* threads - 1 of them; the caller is worker 0 */

  GMutex mutex;
  GCond job_posted, job_done;
  unsigned generation; /* of the job posted last */
  int busy;            /* workers that have not finished the current job */
  bool quit;

  NnParallelFunc func;
  gpointer data;
  int64_t count, grain;
  _Atomic int64_t next; /* first item not yet taken */
};

static void
work(NnContext *context, int worker)
{
  for (;;) {
    int64_t begin = atomic_fetch_add(&context->next, context->grain);
    if (begin >= context->count)
      return;
    context->func(begin, MIN(begin + context->grain, context->count), worker, context->data);
  }
}

static gpointer
worker_main(gpointer data)
{
  Worker *self = data;
  NnContext *context = self->context;
  unsigned seen = 0;
  g_mutex_lock(&context->mutex);
  for (;;) {
    while (!context->quit && context->generation == seen)
      g_cond_wait(&context->job_posted, &context->mutex);
    if (context->quit)
      break;
    seen = context->generation;
    g_mutex_unlock(&context->mutex);
    work(context, self->index);
    g_mutex_lock(&context->mutex);
    if (--context->busy == 0)
      g_cond_signal(&context->job_done);
  }
  g_mutex_unlock(&context->mutex);
  return NULL;
}

NnContext *
nn_context_new(int threads)
{
  NnContext *context = g_new0(NnContext, 1);
  context->threads = threads > 0 ? MIN(threads, 256) : (int)g_get_num_processors();
  context->isa = nn_isa_best();
  context->workers = g_new0(Worker, context->threads);
  g_mutex_init(&context->mutex);
  g_cond_init(&context->job_posted);
  g_cond_init(&context->job_done);
  for (int i = 1; i < context->threads; i++) {
    Worker *worker = &context->workers[i];
    *worker = (Worker){.context = context, .index = i};
    worker->thread = g_thread_new("somnium", worker_main, worker);
  }
  return context;
}

void
nn_context_free(NnContext *context)
{
  if (context == NULL)
    return;
  g_mutex_lock(&context->mutex);
  context->quit = true;
  g_cond_broadcast(&context->job_posted);
  g_mutex_unlock(&context->mutex);
  for (int i = 1; i < context->threads; i++)
    g_thread_join(context->workers[i].thread);
  g_mutex_clear(&context->mutex);
  g_cond_clear(&context->job_posted);
  g_cond_clear(&context->job_done);
  g_free(context->workers);
  g_free(context);
}

void
nn_context_set_memory_budget(NnContext *context, int64_t bytes)
{
  context->memory_budget = MAX(bytes, 0);
}

int64_t
nn_context_memory_budget(const NnContext *context)
{
  return context->memory_budget > 0 ? context->memory_budget : nn_memory_available() / 2;
}

NnIsa
nn_context_isa(const NnContext *context)
{
  return context->isa;
}

void
nn_context_limit_isa(NnContext *context, NnIsa isa)
{
  context->isa = MIN(context->isa, isa);
}

int
nn_context_threads(const NnContext *context)
{
  return context->threads;
}

void
nn_parallel_for(NnContext *context, int64_t count, int64_t grain, NnParallelFunc func,
                gpointer data)
{
  g_return_if_fail(grain >= 1);
  if (count <= 0)
    return;
  context->func = func;
  context->data = data;
  context->count = count;
  context->grain = grain;
  atomic_store(&context->next, 0);
  if (context->threads == 1 || count <= grain) {
    work(context, 0);
    return;
  }
  g_mutex_lock(&context->mutex);
  context->generation++;
  context->busy = context->threads - 1;
  g_cond_broadcast(&context->job_posted);
  g_mutex_unlock(&context->mutex);
  work(context, 0);
  g_mutex_lock(&context->mutex);
  while (context->busy > 0)
    g_cond_wait(&context->job_done, &context->mutex);
  g_mutex_unlock(&context->mutex);
}
