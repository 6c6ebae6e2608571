#pragma once
/// \file
/// LSTM, GRU and RNN.

#include "dispart/model/operators/context.hpp"

namespace dispart {

/// Extents of a recurrent layer. X is [seq, batch, input] (or [batch, seq, input] with `layout` 1).
struct recurrent_extents {
    std::int64_t seq = 0;
    std::int64_t batch = 0;
    std::int64_t input = 0;
    std::int64_t hidden = 0;
    std::int64_t directions = 1;
    std::int64_t gates = 1;  ///< LSTM 4, GRU 3, RNN 1
    bool batch_first = false;
};

/// Extents of an LSTM, GRU or RNN, checked against its weights. Errors: shape_mismatch, unsupported, invalid_model.
[[nodiscard]] inline result<recurrent_extents> recurrent_extents_of(const op_context& c) {
    if (c.rank(0) != 3 || c.rank(1) != 3 || c.rank(2) != 3) return c.bad_shape("X, W and R need rank 3");
    recurrent_extents e;
    e.batch_first = c.integer("layout", 0) != 0;
    e.seq = c.dims(0)[e.batch_first ? 1 : 0];
    e.batch = c.dims(0)[e.batch_first ? 0 : 1];
    e.input = c.dims(0)[2];
    e.gates = c.self.op == "LSTM" ? 4 : c.self.op == "GRU" ? 3 : 1;
    const auto direction = c.text("direction", "forward");
    if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
        return c.fail(errc::unsupported, "direction '" + direction + "' is unknown");
    e.directions = direction == "bidirectional" ? 2 : 1;
    e.hidden = c.integer("hidden_size", c.dims(2)[2]);
    const auto rows = detail::times(e.gates, e.hidden);
    if (e.hidden < 1 || c.dims(1) != shape{e.directions, rows, e.input} ||
        c.dims(2) != shape{e.directions, rows, e.hidden})
        return c.bad_shape("W " + to_string(c.dims(1)) + " and R " + to_string(c.dims(2)) + " do not fit X " +
                           to_string(c.dims(0)) + " and hidden_size " + std::to_string(e.hidden));
    const auto peepholes = shape{e.directions, detail::times(3, e.hidden)};
    const auto state =
        e.batch_first ? shape{e.batch, e.directions, e.hidden} : shape{e.directions, e.batch, e.hidden};
    const std::array<shape, 8> expected{shape{},   {},    {},    {e.directions, detail::times(2, rows)},
                                        {e.batch}, state, state, peepholes};
    for (std::size_t i = 3; i < expected.size(); ++i)
        if (c.has(i) && c.dims(i) != expected[i])
            return c.bad_shape("operand " + std::to_string(i) + " is " + to_string(c.dims(i)) +
                               " instead of " + to_string(expected[i]));
    return e;
}

namespace detail {

[[nodiscard]] inline inferred_list infer_recurrent(const op_context& c) {
    for (const std::size_t i : {1U, 2U, 3U, 5U, 6U, 7U}) DISPART_CHECK(same_type(c, 0, i));
    DISPART_TRY(const auto e, recurrent_extents_of(c));
    const auto all = e.batch_first ? shape{e.batch, e.seq, e.directions, e.hidden}
                                   : shape{e.seq, e.directions, e.batch, e.hidden};
    const auto last =
        e.batch_first ? shape{e.batch, e.directions, e.hidden} : shape{e.directions, e.batch, e.hidden};
    auto list = one(c.type(0), all);
    list.push_back({.type = c.type(0), .dims = last});
    if (c.self.op == "LSTM") list.push_back({.type = c.type(0), .dims = last});
    return list;
}

/// 2 per multiply-add of both matrix products, and 4 per gate for biases and activations.
[[nodiscard]] inline double flops_recurrent(const op_context& c) {
    const auto e = recurrent_extents_of(c);
    if (!e) return 0.0;
    const auto steps =
        static_cast<double>(e->seq) * static_cast<double>(e->batch) * static_cast<double>(e->directions);
    const auto rows = static_cast<double>(e->gates * e->hidden);
    return steps * rows * (2.0 * static_cast<double>(e->input + e->hidden) + 4.0);
}

inline constexpr auto recurrent_operators = std::to_array<operator_spec>({
    {"GRU", 3, 6, infer_recurrent, flops_recurrent},
    {"LSTM", 3, 8, infer_recurrent, flops_recurrent},
    {"RNN", 3, 6, infer_recurrent, flops_recurrent},
});

}  // namespace detail

}  // namespace dispart
