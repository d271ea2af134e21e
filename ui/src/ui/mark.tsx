import icon from '../../../assets/icons/icon.svg'
import './mark.css'

/** Snug's sign. */
export function Mark() {
  return <img class="mark" src={icon} alt="" width={56} height={56} />
}
