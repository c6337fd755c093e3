// [slot, SCRATCH]: partial sums of the tiled kernels, and what goes from kernel to kernel of a learned embedding; see each.
@group(0) @binding(3) var<storage, read_write> scratch: array<vec4f>;
