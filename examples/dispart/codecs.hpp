#pragma once
// The codecs that this program knows, what they cost here, and the choice among them.

#include <span>
#include <string>
#include <vector>

#include "dispart/calibrate/codecs.hpp"
#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/plan/codecs.hpp"
#include "dispart/plan/plan.hpp"
#include "dispart/run/codecs.hpp"

namespace cli {

struct codec_choice {
    std::string name = "raw";  // "auto": the best of all for each edge
    double max_error = 1e-2;   // of each tensor's largest magnitude
};

const dispart::codec_table& known_codecs();

// What the choice allows, measured on activations. Errors: unsupported (an unknown name), invalid_argument (its error is over
// the bound).
dispart::result<dispart::codec_options> codec_options_of(const codec_choice& choice);

// Measures the choice again on what each edge of a plan carries for one request, chooses again, and predicts again.
dispart::result<void> refine_codecs(dispart::plan& p, const dispart::model& net, const codec_choice& choice,
                                    const std::vector<dispart::tensor>& inputs);

}  // namespace cli
