#pragma once
/// \file
/// What was measured on one kind of machine, and the cost model that follows from it.

#include <cstddef>
#include <string>
#include <vector>

#include "dispart/core/units.hpp"
#include "dispart/cost/fit.hpp"
#include "dispart/cost/fusion.hpp"
#include "dispart/cost/sample.hpp"

namespace dispart {

/// What a machine is, as it says itself; empty or 0 where it does not say.
struct machine_facts {
    std::string processor{};
    std::string instruction_set{};
    std::size_t cores = 0;
    bytes memory{};
};

/// Measurements of one kind of machine with one backend.
struct profile {
    std::string kind = "*";  ///< under which name costs are filed: a device's name, its label `kind`, or "*"
    std::string backend{};
    machine_facts machine{};
    flops_per_second speed{};             ///< over all dense layers measured: operations / seconds
    bytes_per_second memory_bandwidth{};  ///< of copying, reads and writes both counted
    seconds layer_overhead{};             ///< of a call that has next to nothing to do
    double measured_at = 0.0;             ///< Unix time
    std::vector<cost_sample> samples{};   ///< one per layer that took time of its own
    fusion_rules fusion{};
};

/// The laws of a profile's samples; they hold for devices of the measured kind, whatever speed they declare.
/// O(samples).
[[nodiscard]] inline fitted_model fit(const profile& measured, const fit_options& options = {}) {
    fitted_model fitted = fit_laws(measured.samples, options);
    fitted.fusion = measured.fusion;
    return fitted;
}

}  // namespace dispart
