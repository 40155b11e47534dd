/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operators that copy. */
#include "nncore/ops/copy.h"

#include "nncore/kernels/elementwise.h"

void
nn_copy_forward(const NnOpRun *run)
{
  nn_copy_bytes(run->context, run->out[0].data, run->in[0].data, nn_tensor_bytes(&run->in[0]));
}

void
nn_copy_backward(const NnOpRun *run)
{
  if (run->in[0].dtype == NN_DTYPE_FLOAT && run->grad_in[0].data != NULL)
    nn_copy_bytes(run->context, run->grad_in[0].data, run->grad_out[0].data,
                  nn_tensor_bytes(&run->in[0]));
}
