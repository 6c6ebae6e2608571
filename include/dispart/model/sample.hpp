#pragma once
/// \file
/// Seeded inputs that suit a model, for trials, checks and benchmarks.

#include <algorithm>
#include <string>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/operators/arithmetic.hpp"
#include "dispart/model/zoo/fill.hpp"

namespace dispart {

namespace detail {

/// How many different indices an integer tensor may hold: the least extent that a Gather looks up with it; 0 where none does.
template <class Layer, class Tensor>
[[nodiscard]] std::int64_t index_bound(const layer_graph<Layer, Tensor>& g, tensor_id t) {
    std::int64_t bound = 0;
    for (layer_id v = 0; v < num_vertices(g); ++v) {
        const auto& self = g[v];
        if (self.op != "Gather" || self.inputs.size() != 2 || self.inputs[1] != t || self.inputs[0] == no_id)
            continue;
        const auto& table = info(g).tensors[self.inputs[0]].dims;
        if (!table) continue;
        const auto axis = normal_axis(get_or<std::int64_t>(self.attrs, "axis", 0), table->size());
        if (axis) bound = bound == 0 ? (*table)[*axis] : std::min(bound, (*table)[*axis]);
    }
    return bound;
}

template <class T>
void fill_indices(tensor& out, std::uint64_t stream, std::int64_t bound) {
    auto data = out.data<T>();
    const auto count = static_cast<std::uint64_t>(bound);
    for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = bound > 0 ? static_cast<T>(mix64(stream + i) % count) : T{1};
}

}  // namespace detail

/// One tensor for each input of the model, in order: floats of mean 0 and standard deviation 1, uniform; integers that
/// index a table within its bounds, and 1 (a mask that hides nothing) elsewhere. The same seed gives the same values
/// everywhere. Errors: shape_mismatch (an input without shape), limit_exceeded (no memory), unsupported (element type).
template <class Layer, class Tensor>
[[nodiscard]] result<std::vector<tensor>> sample_inputs(const layer_graph<Layer, Tensor>& g,
                                                        std::uint64_t seed = 1) {
    std::vector<tensor> made;
    for (const auto t : info(g).inputs) {
        const tensor_info& about = info(g).tensors[t];
        if (!about.dims)
            return fail(errc::shape_mismatch, about.name, "the input has no shape", "bind its dimensions");
        DISPART_TRY(auto value, tensor::make(about.type, *about.dims));
        const auto stream = zoo::stream_of(seed, about.name);
        switch (about.type) {
        case dtype::f32:
            zoo::fill_uniform(value.data<float>(), stream, 0.0, 1.0);
            break;
        case dtype::i64:
            detail::fill_indices<std::int64_t>(value, stream, detail::index_bound(g, t));
            break;
        case dtype::i32:
            detail::fill_indices<std::int32_t>(value, stream, detail::index_bound(g, t));
            break;
        case dtype::u8:
            std::fill(value.bytes().begin(), value.bytes().end(), std::byte{1});
            break;
        case dtype::boolean:
            std::fill(value.bytes().begin(), value.bytes().end(), std::byte{1});
            break;
        default:
            return fail(errc::unsupported, about.name,
                        "no samples of type " + std::string(to_string(about.type)));
        }
        made.push_back(std::move(value));
    }
    return made;
}

}  // namespace dispart
