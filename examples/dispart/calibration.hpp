#pragma once
// Measured costs for the command line: of the model itself, or fitted to other models.

#include <string>
#include <vector>

#include "dispart/calibrate/profile.hpp"
#include "dispart/core/result.hpp"
#include "dispart/cost/fitted.hpp"
#include "dispart/cost/profiled_table.hpp"
#include "dispart/model/graph.hpp"

namespace cli {

using measured_costs = dispart::profiled_table<dispart::fitted_model>;

// Measures the layers of models on this machine, `parallel` copies of each at a time.
dispart::result<dispart::profile> measure(const std::vector<dispart::model>& nets, std::size_t parallel,
                                          std::size_t runs, const std::string& backend = "eigen");

// Costs of layers that were measured, and fitted laws for others. `exact = false` leaves out the table of measured ones.
measured_costs costs_of(const dispart::profile& measured, bool exact);

}  // namespace cli
