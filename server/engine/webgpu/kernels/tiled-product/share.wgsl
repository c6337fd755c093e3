// Leaves the sums of the logit that is left over where sumOfRest adds them up.
workgroupBarrier();
#repeat r ROW_QUADS
hidden[column * rowStride + row + $(r)u * ROWS] = rest$(r);
#end
workgroupBarrier();
