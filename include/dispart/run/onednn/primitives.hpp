#pragma once
/// \file
/// oneDNN's primitives as steps of a compiled program: channels-last data, weights packed as oneDNN likes them when the model
/// is loaded, bias, residual and activation in the same pass.

#include <dnnl.hpp>

#include <omp.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dispart/run/eigen/lower_matrix.hpp"
#include "dispart/run/eigen/lower_window.hpp"

#if DNNL_VERSION_MAJOR != 2
#error "dispart::onednn is written for oneDNN 2 (Debian 12 has 2.6)"
#endif

namespace dispart::onednn {

using eigen::compiler;
using eigen::layout;
using eigen::slot_id;
using dims = dnnl::memory::dims;
using tag = dnnl::memory::format_tag;

/// What all steps of one program share.
struct context {
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    int threads = 1;
};

[[nodiscard]] inline dnnl::memory::desc described(const dims& extents, tag format) {
    return {extents, dnnl::memory::data_type::f32, format};
}

/// The activation as a post-op. \return false where oneDNN has none that is the same
[[nodiscard]] inline bool append_activation(const kernels::activation& act, dnnl::post_ops& to) {
    using kind = kernels::activation_kind;
    const auto add = [&](dnnl::algorithm how, float alpha = 0.0F, float beta = 0.0F) {
        to.append_eltwise(1.0F, how, alpha, beta);
        return true;
    };
    switch (act.kind) {
    case kind::none:
        return true;
    case kind::relu:
        return add(dnnl::algorithm::eltwise_relu);
    case kind::clip:
        return add(dnnl::algorithm::eltwise_clip, act.alpha, act.beta);
    case kind::leaky_relu:
        return add(dnnl::algorithm::eltwise_relu, act.alpha);
    case kind::sigmoid:
        return add(dnnl::algorithm::eltwise_logistic);
    case kind::silu:
        return add(dnnl::algorithm::eltwise_swish, 1.0F);
    case kind::hard_swish:
        return add(dnnl::algorithm::eltwise_hardswish);
    case kind::tanh:
        return add(dnnl::algorithm::eltwise_tanh);
    case kind::elu:
        return add(dnnl::algorithm::eltwise_elu, act.alpha);
    case kind::gelu:
        return add(dnnl::algorithm::eltwise_gelu_erf);
    case kind::gelu_tanh:
        return add(dnnl::algorithm::eltwise_gelu_tanh);
    default:
        return false;
    }
}

/// One loaded primitive: what does not change between requests, and the memories whose places do.
struct loaded {
    std::shared_ptr<context> on;
    dnnl::primitive primitive{};
    std::unordered_map<int, dnnl::memory> arguments{};
    slot_id in = no_id;
    slot_id out = no_id;
    slot_id bias = no_id;
    slot_id residual = no_id;
    bool accumulates = false;  ///< the residual is summed onto the output, where it has to lie beforehand
    std::size_t out_bytes = 0;
};

/// A pass over float buffers by a primitive.
inline result<void> execute(loaded& what, eigen::machine& m, const std::string& name) {
    omp_set_num_threads(what.on->threads);  // of the calling thread, whoever that is today
    try {
        what.arguments.at(DNNL_ARG_SRC).set_data_handle(m.floats(what.in));
        what.arguments.at(DNNL_ARG_DST).set_data_handle(m.floats(what.out));
        if (what.bias != no_id) what.arguments.at(DNNL_ARG_BIAS).set_data_handle(m.floats(what.bias));
        if (what.residual != no_id && what.accumulates && m.floats(what.residual) != m.floats(what.out))
            std::memcpy(m.floats(what.out), m.floats(what.residual), what.out_bytes);
        if (what.residual != no_id && !what.accumulates)
            what.arguments.at(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1)
                .set_data_handle(m.floats(what.residual));
        what.primitive.execute(what.on->stream, what.arguments);
        what.on->stream.wait();
    } catch (const dnnl::error& e) {
        return fail(errc::io_error, name, std::string("oneDNN: ") + e.what());
    }
    return {};
}

/// Weights in the form that a primitive wants, made once.
[[nodiscard]] inline dnnl::memory packed(const context& on, const float* from, const dnnl::memory::desc& as,
                                         const dnnl::memory::desc& wanted) {
    dnnl::memory plain(as, on.engine, const_cast<float*>(from));
    dnnl::memory made(wanted, on.engine);
    dnnl::stream stream(on.engine);
    dnnl::reorder(plain, made).execute(stream, plain, made);
    stream.wait();
    return made;
}

/// Attributes of a pass: a residual, which oneDNN adds as it goes or finds in the output, then an activation. Nothing where it
/// has no such activation.
[[nodiscard]] inline std::optional<dnnl::primitive_attr>
attributes(const kernels::activation& act, const dnnl::memory::desc* residual, bool accumulates) {
    dnnl::post_ops after;
    if (residual != nullptr && accumulates) after.append_sum(1.0F);
    if (residual != nullptr && !accumulates) after.append_binary(dnnl::algorithm::binary_add, *residual);
    if (!append_activation(act, after)) return std::nullopt;
    dnnl::primitive_attr made;
    made.set_post_ops(after);
    made.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return made;
}

/// True for oneDNN's portable implementations, which are far slower than our own kernels.
template <class Description>
[[nodiscard]] bool is_reference(const Description& of) {
    return std::string_view(of.impl_info_str()).find("ref") != std::string_view::npos;
}

}  // namespace dispart::onednn
