#pragma once

#include <cstddef>
#include <vector>

#include "dispart/problem/instance.hpp"

namespace dispart::test {

/// Makes an instance's layers a chain: tensor 0 comes from outside, layer l reads tensor l and makes tensor l + 1, the last
/// tensor is the model output.
inline void link_as_chain(instance& p, std::size_t layers) {
    p.model_inputs = {0};
    p.model_outputs = {layers};
    p.producer = {no_id};
    for (layer_id l = 0; l < layers; ++l) {
        p.producer.push_back(l);
        const std::vector<std::size_t> read{l}, written{l + 1};
        p.reads.push_back(read);
        p.writes.push_back(written);
        p.consumers.push_back(read);
    }
    p.consumers.push_back({});
}

}  // namespace dispart::test
