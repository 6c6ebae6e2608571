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

// Measures the layers of models on this machine in some rounds over all of them, of which the shortest times count: a
// machine whose pace wanders is then fair to each.
dispart::result<dispart::profile> measure(const std::vector<dispart::model>& nets, const std::string& backend);

// Costs of layers that were measured, and fitted laws for others. `exact = false` leaves out the table of measured ones.
measured_costs costs_of(const dispart::profile& measured, bool exact);

}  // namespace cli
