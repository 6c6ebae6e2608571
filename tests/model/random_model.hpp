#pragma once
/// \file
/// Random small layer graphs for tests against brute force.

#include <algorithm>
#include <string>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/model/builder.hpp"

namespace dispart::test {

/// A random constant of that shape, elements in [-1, 1).
inline tensor random_tensor(random_source& random, shape dims) {
    std::vector<float> values(static_cast<std::size_t>(elements(dims)));
    for (auto& x : values) x = static_cast<float>(random.uniform(-1.0, 1.0));
    return tensor::of(std::move(dims), values);
}

/// A graph of `layers` random layers over [2, 4] tensors with 1 or 2 inputs, 1 to 3 outputs, constants (also shared
/// ones), layers of two results, layers that change nothing, layers on constants only, and dead ends.
inline result<model> random_model(random_source& random, std::size_t layers) {
    model_builder b("random");
    std::vector<tensor_id> flowing, constant;
    const auto inputs = 1 + random.index(2);
    for (std::size_t i = 0; i < inputs; ++i) flowing.push_back(b.input("in" + std::to_string(i), {2, 4}));
    for (int i = 0; i < 3; ++i)
        constant.push_back(b.constant("c" + std::to_string(i), random_tensor(random, {2, 4})));
    const auto same = b.constant("same", tensor::of({2}, std::vector<std::int64_t>{2, 4}));
    const auto pick = [&](double constant_share) {
        return random.chance(constant_share) ? constant[random.index(constant.size())]
                                             : flowing[random.index(flowing.size())];
    };
    for (std::size_t i = 0; i < layers; ++i) {
        switch (random.index(8)) {
        case 0:
            flowing.push_back(b.add("Relu", {pick(0.0)}));
            break;
        case 1:
            flowing.push_back(b.add("Add", {pick(0.0), pick(0.3)}));
            break;
        case 2:
            flowing.push_back(b.add("Sub", {pick(0.3), pick(0.0)}));
            break;
        case 3:
            flowing.push_back(b.add("Identity", {pick(0.0)}));
            break;
        case 4:
            flowing.push_back(b.add("Reshape", {pick(0.0), same}));
            break;
        case 5:
            constant.push_back(b.add("Mul", {pick(1.0), pick(1.0)}));
            break;
        case 6: {
            const auto halves =
                b.add_many("Split", {pick(0.0)}, {.attrs = {{"axis", std::int64_t{1}}}, .outputs = 2});
            flowing.push_back(b.add("Concat", {halves[1], halves[0]}, {.attrs = {{"axis", std::int64_t{1}}}}));
            break;
        }
        default:
            flowing.push_back(b.add("Dropout", {pick(0.0)}, {.outputs = random.chance(0.5) ? 2U : 1U}));
        }
    }
    std::vector<tensor_id> returned;
    const auto outputs = random.index(3);
    for (std::size_t i = 0; i < outputs; ++i) {
        const auto t = flowing[random.index(flowing.size())];
        if (std::find(returned.begin(), returned.end(), t) == returned.end()) returned.push_back(t);
    }
    if (std::find(returned.begin(), returned.end(), flowing.back()) == returned.end())
        returned.push_back(flowing.back());
    for (const auto t : returned) b.output(t);
    return b.build();
}

}  // namespace dispart::test
