#pragma once
/// \file
/// RNN, GRU and LSTM: forward, reverse and bidirectional, with lengths per batch entry, in f32.

#include <cctype>

#include "dispart/run/kernels/matmul.hpp"
#include "dispart/run/kernels/movement.hpp"

namespace dispart::kernels {

namespace detail {

/// An activation of a recurrent layer with its parameters.
struct gate_activation {
    float (*f)(float x, float alpha, float beta) = nullptr;
    float alpha = 0.0F, beta = 0.0F;
    [[nodiscard]] float operator()(float x) const { return f(x, alpha, beta); }
};

struct gate_activation_row {
    std::string_view name;
    gate_activation value;
};
[[nodiscard]] inline std::span<const gate_activation_row> gate_activations() {
    static constexpr std::array rows{
        gate_activation_row{"affine", {[](float x, float a, float b) { return a * x + b; }, 1.0F, 0.0F}},
        gate_activation_row{
            "elu", {[](float x, float a, float) { return x < 0.0F ? a * std::expm1(x) : x; }, 1.0F, 0.0F}},
        gate_activation_row{
            "hardsigmoid",
            {[](float x, float a, float b) { return std::clamp(a * x + b, 0.0F, 1.0F); }, 0.2F, 0.5F}},
        gate_activation_row{"leakyrelu",
                            {[](float x, float a, float) { return x < 0.0F ? a * x : x; }, 0.01F, 0.0F}},
        gate_activation_row{"relu", {[](float x, float, float) { return x < 0.0F ? 0.0F : x; }, 0.0F, 0.0F}},
        gate_activation_row{"scaledtanh",
                            {[](float x, float a, float b) { return a * std::tanh(b * x); }, 1.0F, 1.0F}},
        gate_activation_row{"sigmoid",
                            {[](float x, float, float) { return 1.0F / (1.0F + std::exp(-x)); }, 0.0F, 0.0F}},
        gate_activation_row{
            "softplus",
            {[](float x, float, float) { return std::max(x, 0.0F) + std::log1p(std::exp(-std::abs(x))); },
             0.0F, 0.0F}},
        gate_activation_row{"softsign",
                            {[](float x, float, float) { return x / (1.0F + std::abs(x)); }, 0.0F, 0.0F}},
        gate_activation_row{"tanh", {[](float x, float, float) { return std::tanh(x); }, 0.0F, 0.0F}},
        gate_activation_row{"thresholdedrelu",
                            {[](float x, float a, float) { return x > a ? x : 0.0F; }, 1.0F, 0.0F}},
    };
    return rows;
}

/// The layer's extents and options; `gates` is 1 (RNN), 3 (GRU) or 4 (LSTM).
struct recurrent_plan {
    std::int64_t gates = 1, steps = 0, batch = 0, input = 0, hidden = 0, directions = 1;
    bool reverse_first = false;                ///< a single direction, from the end
    bool batch_first = false;                  ///< `layout` 1
    bool reset_after = false;                  ///< GRU's linear_before_reset
    bool coupled = false;                      ///< LSTM's input_forget
    float clip = 0.0F;                         ///< 0: none
    std::vector<gate_activation> activations;  ///< per direction: as many as the kind has
    std::vector<std::int64_t> lengths;         ///< per batch entry
};

[[nodiscard]] inline result<std::vector<gate_activation>>
read_activations(const call& c, std::vector<std::string> names, std::size_t wanted) {
    names = get_or<std::vector<std::string>>(c.node.attrs, "activations", std::move(names));
    if (names.size() != wanted) return c.bad_shape(std::to_string(names.size()) + " activations");
    const auto alphas = get_or<std::vector<float>>(c.node.attrs, "activation_alpha", {});
    const auto betas = get_or<std::vector<float>>(c.node.attrs, "activation_beta", {});
    std::vector<gate_activation> list;
    for (std::size_t i = 0; i < names.size(); ++i) {
        auto name = names[i];
        std::transform(name.begin(), name.end(), name.begin(),
                       [](char l) { return static_cast<char>(std::tolower(static_cast<unsigned char>(l))); });
        const auto rows = gate_activations();
        const auto found =
            std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; });
        if (found == rows.end()) return c.unsupported("activation '" + names[i] + "'");
        list.push_back(found->value);
        if (i < alphas.size()) list.back().alpha = alphas[i];
        if (i < betas.size()) list.back().beta = betas[i];
    }
    return list;
}

[[nodiscard]] inline result<recurrent_plan>
plan_recurrent(const call& c, std::int64_t gates, const std::vector<std::string>& default_activations) {
    for (std::size_t i = 0; i < c.in.size(); ++i)
        if (i != 4) DISPART_CHECK(c.need_type(i, dtype::f32));
    recurrent_plan p;
    p.gates = gates;
    p.batch_first = c.integer("layout", 0) != 0;
    p.reset_after = c.integer("linear_before_reset", 0) != 0;
    p.coupled = c.integer("input_forget", 0) != 0;
    p.clip = c.real("clip", 0.0F);
    const auto direction = c.text("direction", "forward");
    if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
        return c.unsupported("direction '" + direction + "'");
    p.directions = direction == "bidirectional" ? 2 : 1;
    p.reverse_first = direction == "reverse";
    const auto& x = c.in[0].dims();
    const auto& w = c.in[1].dims();
    if (x.size() != 3 || w.size() != 3 || c.in[2].rank() != 3)
        return c.bad_shape("X, W and R have three axes");
    p.steps = x[p.batch_first ? 1 : 0];
    p.batch = x[p.batch_first ? 0 : 1];
    p.input = x[2];
    p.hidden = c.in[2].dims()[2];
    if (p.hidden < 1 || c.integer("hidden_size", p.hidden) != p.hidden)
        return c.bad_shape("hidden_size and R " + to_string(c.in[2].dims()));
    const auto wide = dispart::detail::times(gates, p.hidden);
    DISPART_CHECK(c.need_shape(1, {p.directions, wide, p.input}));
    DISPART_CHECK(c.need_shape(2, {p.directions, wide, p.hidden}));
    DISPART_CHECK(c.need_shape(3, {p.directions, 2 * wide}));
    const shape state =
        p.batch_first ? shape{p.batch, p.directions, p.hidden} : shape{p.directions, p.batch, p.hidden};
    DISPART_CHECK(c.need_shape(5, state));
    DISPART_CHECK(c.need_shape(6, state));
    DISPART_CHECK(c.need_shape(7, {p.directions, 3 * p.hidden}));
    std::vector<std::string> names;
    for (std::int64_t d = 0; d < p.directions; ++d)
        names.insert(names.end(), default_activations.begin(), default_activations.end());
    const auto wanted = names.size();
    DISPART_TRY(p.activations, read_activations(c, std::move(names), wanted));
    p.lengths.assign(static_cast<std::size_t>(p.batch), p.steps);
    if (c.has(4)) {
        DISPART_CHECK(c.need_shape(4, {p.batch}));
        DISPART_TRY(p.lengths, c.integer_list(4));
        for (const auto length : p.lengths)
            if (length < 0 || length > p.steps) return c.bad_shape("a length of " + std::to_string(length));
    }
    return p;
}

/// One direction's operands: X [T, B, I], W [G H, I], R [G H, H], B [2 G H], peepholes [3 H]; h and c [B, H] in and out.
struct recurrent_operands {
    const float* x = nullptr;
    const float* w = nullptr;
    const float* r = nullptr;
    const float* bias = nullptr;
    const float* peepholes = nullptr;
    const gate_activation* f = nullptr;
    float* h = nullptr;
    float* cell = nullptr;
    float* y = nullptr;  ///< [T, B, H] with `y_step` floats from one T to the next
    std::int64_t y_step = 0;
    bool reverse = false;
};

/// A recurrent weight matrix [n, k] ready for products a [m, k] W'.
[[nodiscard]] inline packed_matrix pack_weights(const float* w, std::int64_t n, std::int64_t k) {
    return pack_b({.depth = k, .columns = n, .b = w, .transposed = true});
}
inline void multiply_packed(const float* a, const packed_matrix& w, float* out, std::int64_t m) {
    if (w.depth() == 0) std::fill_n(out, m * w.columns(), 0.0F);
    else if (m > 0) gemm({.rows = m, .a = a, .c = out}, w);
}

/// Sums of gate g at hidden unit i are xw[g H + i] + hr[g H + i], biases included.
struct gate_sums {
    const float* xw;
    const float* hr;
    std::int64_t hidden;
    float clip;
    [[nodiscard]] float limited(float v) const { return clip > 0.0F ? std::clamp(v, -clip, clip) : v; }
    [[nodiscard]] float operator()(std::int64_t g, std::int64_t i, float extra = 0.0F) const {
        return limited(xw[g * hidden + i] + hr[g * hidden + i] + extra);
    }
};

inline void rnn_step(const recurrent_plan& p, const recurrent_operands& o, const gate_sums& sum, float* h) {
    for (std::int64_t i = 0; i < p.hidden; ++i) h[i] = o.f[0](sum(0, i));
}

/// Gates in the order i, o, f, c.
inline void lstm_step(const recurrent_plan& p, const recurrent_operands& o, const gate_sums& sum, float* h,
                      float* cell) {
    for (std::int64_t i = 0; i < p.hidden; ++i) {
        const auto peephole = [&](std::int64_t k, float value) {
            return o.peepholes != nullptr ? o.peepholes[k * p.hidden + i] * value : 0.0F;
        };
        const float input = o.f[0](sum(0, i, peephole(0, cell[i])));
        const float forget = p.coupled ? 1.0F - input : o.f[0](sum(2, i, peephole(2, cell[i])));
        const float next = forget * cell[i] + input * o.f[1](sum(3, i));
        const float output = o.f[0](sum(1, i, peephole(1, next)));
        cell[i] = next;
        h[i] = output * o.f[2](next);
    }
}

/// Gates in the order z, r, h; `hr` of gate h is computed here where the reset comes before the product.
inline void gru_step(const recurrent_plan& p, const recurrent_operands& o, const gate_sums& sum, float* h,
                     const packed_matrix& candidate_weights, std::vector<float>& scratch) {
    const auto n = p.hidden;
    scratch.resize(static_cast<std::size_t>(2 * n));
    float* reset_state = scratch.data();
    float* candidate = reset_state + n;
    const float* hidden_bias = o.bias != nullptr ? o.bias + (p.gates + 2) * n : nullptr;
    for (std::int64_t i = 0; i < n; ++i)
        reset_state[i] = o.f[0](sum(1, i)) * (p.reset_after ? sum.hr[2 * n + i] : h[i]);
    if (p.reset_after) {
        std::copy_n(reset_state, n, candidate);
    } else {
        multiply_packed(reset_state, candidate_weights, candidate, 1);
        for (std::int64_t i = 0; hidden_bias != nullptr && i < n; ++i) candidate[i] += hidden_bias[i];
    }
    for (std::int64_t i = 0; i < n; ++i) {
        const float update = o.f[0](sum(0, i));
        const float fresh = o.f[1](sum.limited(sum.xw[2 * n + i] + candidate[i]));
        h[i] = (1.0F - update) * fresh + update * h[i];
    }
}

/// Adds bias [n] to each of m rows.
inline void add_rows(float* to, const float* bias, std::int64_t m, std::int64_t n) {
    for (std::int64_t i = 0; bias != nullptr && i < m; ++i)
        for (std::int64_t j = 0; j < n; ++j) to[i * n + j] += bias[j];
}

/// All steps of one direction.
inline void run_direction(const recurrent_plan& p, const recurrent_operands& o) {
    const auto wide = p.gates * p.hidden;
    std::vector<float> xw(static_cast<std::size_t>(p.steps * p.batch * wide));
    std::vector<float> hr(static_cast<std::size_t>(p.batch * wide));
    std::vector<float> scratch;
    const auto recurrence = pack_weights(o.r, wide, p.hidden);
    const auto candidate =
        p.gates == 3 ? pack_weights(o.r + 2 * p.hidden * p.hidden, p.hidden, p.hidden) : packed_matrix();
    multiply_packed(o.x, pack_weights(o.w, wide, p.input), xw.data(), p.steps * p.batch);
    add_rows(xw.data(), o.bias, p.steps * p.batch, wide);
    for (std::int64_t s = 0; s < p.steps; ++s) {
        multiply_packed(o.h, recurrence, hr.data(), p.batch);
        add_rows(hr.data(), o.bias != nullptr ? o.bias + wide : nullptr, p.batch, wide);
        for (std::int64_t b = 0; b < p.batch; ++b) {
            const auto length = p.lengths[static_cast<std::size_t>(b)];
            if (s >= length) continue;
            const auto t = o.reverse ? length - 1 - s : s;
            const gate_sums sum{xw.data() + (t * p.batch + b) * wide, hr.data() + b * wide, p.hidden, p.clip};
            float* h = o.h + b * p.hidden;
            if (p.gates == 1) rnn_step(p, o, sum, h);
            if (p.gates == 3) gru_step(p, o, sum, h, candidate, scratch);
            if (p.gates == 4) lstm_step(p, o, sum, h, o.cell + b * p.hidden);
            std::copy_n(h, p.hidden, o.y + t * o.y_step + b * p.hidden);
        }
    }
}

/// The operand as [D, B, H] (zeros where absent), an own copy.
[[nodiscard]] inline result<tensor> initial_state(const call& c, std::size_t i, const recurrent_plan& p) {
    if (!c.has(i)) return c.make_zero(dtype::f32, {p.directions, p.batch, p.hidden});
    if (p.batch_first) return transposed(c, c.in[i], {1, 0, 2});
    return c.in[i].clone();
}

[[nodiscard]] inline outcome run_recurrent(const call& c, const recurrent_plan& p) {
    tensor x = c.in[0];
    if (p.batch_first) {
        DISPART_TRY(x, transposed(c, x, {1, 0, 2}));
    }
    // What the gates' sums take must be allowed before it is allocated.
    DISPART_TRY(const tensor sums,
                c.make(dtype::f32, {p.steps, p.batch, dispart::detail::times(p.gates, p.hidden)}));
    DISPART_TRY(tensor y, c.make_zero(dtype::f32, {p.steps, p.directions, p.batch, p.hidden}));
    DISPART_TRY(tensor h, initial_state(c, 5, p));
    DISPART_TRY(tensor cell, initial_state(c, 6, p));
    const auto wide = p.gates * p.hidden;
    const auto per_direction = static_cast<std::int64_t>(p.activations.size()) / p.directions;
    const auto part = [&](std::size_t i, std::int64_t d, std::int64_t count) -> const float* {
        return c.has(i) ? c.in[i].data<float>().data() + d * count : nullptr;
    };
    for (std::int64_t d = 0; d < p.directions && y.size() > 0; ++d) {
        const auto state = d * p.batch * p.hidden;
        run_direction(p, {.x = x.data<float>().data(),
                          .w = part(1, d, wide * p.input),
                          .r = part(2, d, wide * p.hidden),
                          .bias = part(3, d, 2 * wide),
                          .peepholes = part(7, d, 3 * p.hidden),
                          .f = p.activations.data() + d * per_direction,
                          .h = h.data<float>().data() + state,
                          .cell = cell.data<float>().data() + state,
                          .y = y.data<float>().data() + state,
                          .y_step = p.directions * p.batch * p.hidden,
                          .reverse = p.reverse_first || d == 1});
    }
    std::vector<tensor> list{std::move(y), std::move(h)};
    if (p.gates == 4) list.push_back(std::move(cell));
    if (!p.batch_first) return list;
    DISPART_TRY(list[0], transposed(c, list[0], {2, 0, 1, 3}));
    for (std::size_t i = 1; i < list.size(); ++i) {
        DISPART_TRY(list[i], transposed(c, list[i], {1, 0, 2}));
    }
    return list;
}

}  // namespace detail

template <class = void>
[[nodiscard]] outcome rnn_kernel(const call& c) {
    DISPART_TRY(const auto plan, detail::plan_recurrent(c, 1, {"Tanh"}));
    return detail::run_recurrent(c, plan);
}
template <class = void>
[[nodiscard]] outcome gru_kernel(const call& c) {
    DISPART_TRY(const auto plan, detail::plan_recurrent(c, 3, {"Sigmoid", "Tanh"}));
    return detail::run_recurrent(c, plan);
}
template <class = void>
[[nodiscard]] outcome lstm_kernel(const call& c) {
    DISPART_TRY(const auto plan, detail::plan_recurrent(c, 4, {"Sigmoid", "Tanh", "Tanh"}));
    return detail::run_recurrent(c, plan);
}

template <class = void>
inline constexpr auto recurrent_rows = std::to_array<kernel_row>({
    {"GRU", gru_kernel<>, 3, 6},
    {"LSTM", lstm_kernel<>, 3, 8},
    {"RNN", rnn_kernel<>, 3, 6},
});

}  // namespace dispart::kernels
