#pragma once
// What a cluster's workers really do, seen in a trial.

#include <string>

#include "dispart/local.hpp"

namespace cli {

// Measures the layers of `net` on this machine, runs short streams of it divided over all workers, and makes each worker as
// slow as it shows itself there, and each link that they use. The cluster file's numbers are the first guess.
// Errors: those of measuring, planning and running.
dispart::result<calibrated_setting> try_workers(const dispart::model& net, dispart::cluster machines,
                                                const std::string& backend, const execution_options& how);

}  // namespace cli
