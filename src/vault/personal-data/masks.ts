import { parsePhoneNumberFromString } from 'libphonenumber-js/min';

/** `jo***@example.com`: the first two characters of the local part and the domain. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  return `${email.slice(0, Math.min(2, Math.max(1, at - 1)))}***${email.slice(at)}`;
}

/** `+1(555)***-**67`: country, area and the last two digits. */
export function maskPhone(phone: string): string {
  const parsed = parsePhoneNumberFromString(phone);
  const country = parsed?.countryCallingCode ?? phone.replace(/\D/g, '').slice(0, 1);
  const national = parsed ? parsed.nationalNumber : phone.replace(/\D/g, '').slice(1);
  return `+${country}(${national.slice(0, 3)})***-**${national.slice(-2)}`;
}

/** `S.`: the initial of a last name. */
export function maskLastName(lastName: string): string {
  const [initial] = lastName;
  return initial === undefined ? '' : `${initial}.`;
}
