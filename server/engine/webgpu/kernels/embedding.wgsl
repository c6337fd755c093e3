// A learned embedding: theta = W_in W_E, factors of D rows each. W_in lies row by row, [D, MQ]; W_E in quads of residues, [D, PQ], the
// last one padded with zeros. In a slot's state W_in comes after xi, and W_E after W_in.
//
// A slot's scratch begins with the factors' new weights, in the same order, and ends with the gradient of theta, which lies as theta does.

const projectionAt = 2u * layerQuads;
const embeddingAt = projectionAt + D * MQ;
const factorQuads = D * (MQ + PQ);

fn thetaGradientAt(slot: u32) -> u32 { return (slot + 1u) * SCRATCH - layerQuads; }
