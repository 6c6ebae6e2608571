#pragma once
/// \file
/// Reading images at given places: GridSample, RoiAlign; and NonMaxSuppression of boxes.

#include <numeric>

#include "dispart/run/kernels/indexing.hpp"
#include "dispart/run/kernels/resize.hpp"

namespace dispart::kernels {

namespace detail {

struct grid_rules {
    std::string mode, padding;
    bool align_corners = false;
};

/// A coordinate in [-1, 1] as a place in pixels.
[[nodiscard]] inline double grid_place(const grid_rules& rules, double x, std::int64_t extent_here) {
    const auto n = static_cast<double>(extent_here);
    return rules.align_corners ? (x + 1.0) / 2.0 * (n - 1.0) : ((x + 1.0) * n - 1.0) / 2.0;
}

/// A place folded back between two edges.
[[nodiscard]] inline double reflected(double x, double low, double high) {
    const double range = high - low;
    if (!(range > 0.0) || !std::isfinite(x)) return low;
    double phase = std::fmod(x - low, 2.0 * range);
    if (phase < 0.0) phase += 2.0 * range;
    return low + (phase <= range ? phase : 2.0 * range - phase);
}

/// A pixel as `padding` reads it: zero outside, or the nearest edge, or mirrored.
[[nodiscard]] inline double padded_pixel(const grid_rules& rules, const float* image, std::int64_t height,
                                         std::int64_t width, double y, double x) {
    const auto resolve = [&](double at, std::int64_t n) {
        const double last = static_cast<double>(n) - 1.0;
        if (rules.padding == "border") return std::clamp(at == at ? at : 0.0, 0.0, last);
        if (rules.padding == "reflection")
            return std::clamp(std::nearbyint(rules.align_corners ? reflected(at, 0.0, last)
                                                                 : reflected(at, -0.5, last + 0.5)),
                              0.0, last);
        return at;
    };
    y = resolve(y, height);
    x = resolve(x, width);
    if (!(y >= 0.0 && x >= 0.0 && y < static_cast<double>(height) && x < static_cast<double>(width)))
        return 0.0;
    return static_cast<double>(image[static_cast<std::int64_t>(y) * width + static_cast<std::int64_t>(x)]);
}

[[nodiscard]] inline double sample_grid(const grid_rules& rules, const float* image, std::int64_t height,
                                        std::int64_t width, double y, double x) {
    const auto pixel = [&](double py, double px) { return padded_pixel(rules, image, height, width, py, px); };
    if (rules.mode == "nearest") return pixel(std::nearbyint(y), std::nearbyint(x));
    const double fy = std::floor(y);
    const double fx = std::floor(x);
    if (rules.mode == "bicubic") {
        const auto wy = cubic_weights(static_cast<float>(y - fy), -0.75F);
        const auto wx = cubic_weights(static_cast<float>(x - fx), -0.75F);
        double total = 0.0;
        for (std::size_t i = 0; i < 4; ++i)
            for (std::size_t j = 0; j < 4; ++j)
                total += static_cast<double>(wy[i]) * static_cast<double>(wx[j]) *
                         pixel(fy - 1.0 + static_cast<double>(i), fx - 1.0 + static_cast<double>(j));
        return total;
    }
    const double ty = y - fy;
    const double tx = x - fx;
    return (1.0 - ty) * ((1.0 - tx) * pixel(fy, fx) + tx * pixel(fy, fx + 1.0)) +
           ty * ((1.0 - tx) * pixel(fy + 1.0, fx) + tx * pixel(fy + 1.0, fx + 1.0));
}

}  // namespace detail

/// GridSample of images [N, C, H, W] at places [N, H', W', 2].
template <class = void>
[[nodiscard]] outcome grid_sample_kernel(const call& c) {
    const auto& x = c.in[0].dims();
    const auto& grid = c.in[1].dims();
    DISPART_CHECK(c.need_type(0, dtype::f32));
    DISPART_CHECK(c.need_type(1, dtype::f32));
    if (x.size() != 4 || grid.size() != 4 || grid[0] != x[0] || grid[3] != 2)
        return c.bad_shape("images " + to_string(x) + " and grid " + to_string(grid));
    detail::grid_rules rules{c.text("mode", "bilinear"), c.text("padding_mode", "zeros"),
                             c.integer("align_corners", 0) != 0};
    if (rules.mode == "linear") rules.mode = "bilinear";
    if (rules.mode == "cubic") rules.mode = "bicubic";
    if (rules.mode != "nearest" && rules.mode != "bilinear" && rules.mode != "bicubic")
        return c.unsupported("mode '" + rules.mode + "'");
    DISPART_TRY(tensor y, c.make(dtype::f32, {x[0], x[1], grid[1], grid[2]}));
    if (y.size() == 0) return one(std::move(y));
    const float* images = c.in[0].data<float>().data();
    const float* places = c.in[1].data<float>().data();
    float* to = y.data<float>().data();
    const auto out_plane = grid[1] * grid[2];
    for (std::int64_t plane = 0; plane < x[0] * x[1]; ++plane)
        for (std::int64_t i = 0; i < out_plane; ++i) {
            const float* at = places + (plane / x[1] * out_plane + i) * 2;
            const double px = detail::grid_place(rules, static_cast<double>(at[0]), x[3]);
            const double py = detail::grid_place(rules, static_cast<double>(at[1]), x[2]);
            *to++ = static_cast<float>(
                detail::sample_grid(rules, images + plane * x[2] * x[3], x[2], x[3], py, px));
        }
    return one(std::move(y));
}

namespace detail {

struct roi_rules {
    std::int64_t height = 1, width = 1, ratio = 0;
    double scale = 1.0;
    bool half_pixel = false, maximum = false;
};

/// One bilinear sample, and its largest weighted term (what mode "max" compares).
struct roi_sample {
    double sum = 0.0, largest = 0.0;
};
[[nodiscard]] inline roi_sample sample_roi(const float* image, std::int64_t height, std::int64_t width,
                                           double y, double x) {
    if (!(y >= -1.0 && x >= -1.0 && y <= static_cast<double>(height) && x <= static_cast<double>(width)))
        return {};
    y = std::clamp(y, 0.0, static_cast<double>(height - 1));
    x = std::clamp(x, 0.0, static_cast<double>(width - 1));
    const auto y0 = static_cast<std::int64_t>(y);
    const auto x0 = static_cast<std::int64_t>(x);
    const auto y1 = std::min(y0 + 1, height - 1);
    const auto x1 = std::min(x0 + 1, width - 1);
    const double ty = y - static_cast<double>(y0);
    const double tx = x - static_cast<double>(x0);
    const auto term = [&](std::int64_t r, std::int64_t k, double w) {
        return w * static_cast<double>(image[r * width + k]);
    };
    const std::array terms{term(y0, x0, (1 - ty) * (1 - tx)), term(y0, x1, (1 - ty) * tx),
                           term(y1, x0, ty * (1 - tx)), term(y1, x1, ty * tx)};
    return {terms[0] + terms[1] + terms[2] + terms[3], *std::max_element(terms.begin(), terms.end())};
}

/// The largest number of samples per cell and axis that a region may ask for.
inline constexpr double max_roi_samples = 1024.0;

/// One region of one plane: `to` is [height, width].
inline void align_roi(const roi_rules& rules, const float* image, std::int64_t height, std::int64_t width,
                      const float* roi, float* to) {
    const double shift = rules.half_pixel ? 0.5 : 0.0;
    const auto corner = [&](std::size_t i) { return static_cast<double>(roi[i]) * rules.scale - shift; };
    double roi_width = corner(2) - corner(0);
    double roi_height = corner(3) - corner(1);
    if (!rules.half_pixel) {
        roi_width = std::max(roi_width, 1.0);
        roi_height = std::max(roi_height, 1.0);
    }
    const double cell_height = roi_height / static_cast<double>(rules.height);
    const double cell_width = roi_width / static_cast<double>(rules.width);
    const auto samples = [&](double cell) {
        const double wanted = rules.ratio > 0 ? static_cast<double>(rules.ratio) : std::ceil(cell);
        return static_cast<std::int64_t>(std::clamp(wanted == wanted ? wanted : 1.0, 0.0, max_roi_samples));
    };
    const auto ny = samples(cell_height);
    const auto nx = samples(cell_width);
    const double count = static_cast<double>(std::max<std::int64_t>(ny * nx, 1));
    for (std::int64_t cell = 0; cell < rules.height * rules.width; ++cell) {
        const double top = corner(1) + static_cast<double>(cell / rules.width) * cell_height;
        const double left = corner(0) + static_cast<double>(cell % rules.width) * cell_width;
        double total = 0.0;
        std::optional<double> best;
        for (std::int64_t i = 0; i < ny * nx; ++i) {
            const double y = top + (static_cast<double>(i / nx) + 0.5) * cell_height / static_cast<double>(ny);
            const double x = left + (static_cast<double>(i % nx) + 0.5) * cell_width / static_cast<double>(nx);
            const auto sample = sample_roi(image, height, width, y, x);
            total += sample.sum;
            best = std::max(best.value_or(sample.largest), sample.largest);
        }
        to[cell] = static_cast<float>(rules.maximum ? best.value_or(0.0) : total / count);
    }
}

}  // namespace detail

/// RoiAlign of images [N, C, H, W] over regions [R, 4] of the images that operand 2 names.
template <class = void>
[[nodiscard]] outcome roi_align_kernel(const call& c) {
    const auto& x = c.in[0].dims();
    const auto& rois = c.in[1].dims();
    DISPART_CHECK(c.need_type(0, dtype::f32));
    DISPART_CHECK(c.need_type(1, dtype::f32));
    if (x.size() != 4 || rois.size() != 2 || rois[1] != 4)
        return c.bad_shape("images " + to_string(x) + " and regions " + to_string(rois));
    DISPART_TRY(const auto batch, detail::read_indices(c, 2, x[0]));
    if (static_cast<std::int64_t>(batch.size()) != rois[0])
        return c.bad_shape("regions and their images differ in number");
    detail::roi_rules rules{c.integer("output_height", 1), c.integer("output_width", 1),
                            c.integer("sampling_ratio", 0),
                            static_cast<double>(c.real("spatial_scale", 1.0F))};
    rules.half_pixel = c.text("coordinate_transformation_mode",
                              c.opset < 16 ? "output_half_pixel" : "half_pixel") == "half_pixel";
    rules.maximum = c.text("mode", "avg") == "max";
    if (x[2] < 1 || x[3] < 1) return c.bad_shape("images " + to_string(x) + " are empty");
    DISPART_TRY(tensor y, c.make(dtype::f32, {rois[0], x[1], rules.height, rules.width}));
    const float* images = c.in[0].data<float>().data();
    for (std::int64_t r = 0; y.size() > 0 && r < rois[0]; ++r)
        for (std::int64_t ch = 0; ch < x[1]; ++ch)
            detail::align_roi(rules, images + (batch[static_cast<std::size_t>(r)] * x[1] + ch) * x[2] * x[3],
                              x[2], x[3], c.in[1].data<float>().data() + r * 4,
                              y.data<float>().data() + (r * x[1] + ch) * rules.height * rules.width);
    return one(std::move(y));
}

namespace detail {

/// Corners with the smaller coordinates first.
struct box {
    double y1, x1, y2, x2;
    [[nodiscard]] double area() const { return (y2 - y1) * (x2 - x1); }
};
[[nodiscard]] inline box read_box(const float* v, bool centred) {
    const auto a = static_cast<double>(v[0]), b = static_cast<double>(v[1]), p = static_cast<double>(v[2]),
               q = static_cast<double>(v[3]);
    if (centred) return {b - q / 2, a - p / 2, b + q / 2, a + p / 2};  // x, y, width, height
    return {std::min(a, p), std::min(b, q), std::max(a, p), std::max(b, q)};
}
[[nodiscard]] inline double overlap(const box& a, const box& b) {
    const double height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
    const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
    if (!(height > 0.0 && width > 0.0)) return 0.0;
    const double common = height * width;
    return common / (a.area() + b.area() - common);
}

struct suppression {
    std::int64_t most = 0;
    double overlap = 0.0;
    std::optional<double> score{};
    bool centred = false;
};

/// Boxes that stay, by falling score; equals by lowest index.
template <class = void>
[[nodiscard]] std::vector<std::int64_t> keep_boxes(const suppression& rules, const float* boxes,
                                                   const float* scores, std::int64_t count) {
    std::vector<std::int64_t> order;
    for (std::int64_t i = 0; i < count; ++i)
        if (scores[i] == scores[i] && (!rules.score || static_cast<double>(scores[i]) > *rules.score))
            order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return scores[a] > scores[b]; });
    std::vector<std::int64_t> kept;
    std::vector<box> kept_boxes;
    for (const auto i : order) {
        if (static_cast<std::int64_t>(kept.size()) >= rules.most) break;
        const auto here = read_box(boxes + i * 4, rules.centred);
        const bool covered = std::any_of(kept_boxes.begin(), kept_boxes.end(),
                                         [&](const box& b) { return overlap(b, here) > rules.overlap; });
        if (covered) continue;
        kept.push_back(i);
        kept_boxes.push_back(here);
    }
    return kept;
}

}  // namespace detail

/// NonMaxSuppression of boxes [N, B, 4] with scores [N, C, B]: rows of image, class, box.
template <class = void>
[[nodiscard]] outcome non_max_suppression_kernel(const call& c) {
    const auto& boxes = c.in[0].dims();
    const auto& scores = c.in[1].dims();
    for (const std::size_t i : {0U, 1U, 3U, 4U}) DISPART_CHECK(c.need_type(i, dtype::f32));
    if (boxes.size() != 3 || scores.size() != 3 || boxes[2] != 4 || boxes[0] != scores[0] ||
        boxes[1] != scores[2])
        return c.bad_shape("boxes " + to_string(boxes) + " and scores " + to_string(scores));
    for (const std::size_t i : {3U, 4U})
        if (c.has(i) && c.in[i].size() != 1)
            return c.bad_shape("operand " + std::to_string(i) + " is not one value");
    detail::suppression rules{.centred = c.integer("center_point_box", 0) != 0};
    if (c.has(2)) {
        DISPART_TRY(rules.most, c.integer_scalar(2));
    }
    if (c.has(3)) rules.overlap = static_cast<double>(c.in[3].data<float>()[0]);
    if (c.has(4)) rules.score = static_cast<double>(c.in[4].data<float>()[0]);
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; boxes[1] > 0 && i < scores[0] * scores[1]; ++i) {
        const auto image = i / scores[1];
        const auto kept = detail::keep_boxes(rules, c.in[0].data<float>().data() + image * boxes[1] * 4,
                                             c.in[1].data<float>().data() + i * boxes[1], boxes[1]);
        for (const auto k : kept) rows.insert(rows.end(), {image, i % scores[1], k});
    }
    return one(tensor::of({static_cast<std::int64_t>(rows.size() / 3), 3}, rows));
}

template <class = void>
inline constexpr auto sampling_rows = std::to_array<kernel_row>({
    {"GridSample", grid_sample_kernel<>, 2, 2},
    {"NonMaxSuppression", non_max_suppression_kernel<>, 2, 5},
    {"RoiAlign", roi_align_kernel<>, 3, 3},
});

}  // namespace dispart::kernels
